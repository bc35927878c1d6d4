"""Fakes, a fault-injecting server and recorders for tests.

Two worlds answer from the same routes: `FakeHTTPClient` without a network, and
`FaultServer` on a real socket. Importing this package costs almost nothing: each part is
loaded when it is first used.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lexigram.testing._connection import ConnectionRecord
    from lexigram.testing._failures import (
        CallbackFailed,
        ForbiddenRequest,
        SequenceExhausted,
        TestKitFailure,
        UnmatchedRequest,
    )
    from lexigram.testing._fake import FakeHTTPClient
    from lexigram.testing._faults import Fault, fault
    from lexigram.testing._journal import CallLog, RecordedCall
    from lexigram.testing._metrics import InMemoryMetrics
    from lexigram.testing._outcomes import Outcome, Reply
    from lexigram.testing._requests import RecordedRequest
    from lexigram.testing._routes import Route
    from lexigram.testing._server import FaultServer
    from lexigram.testing._table import RouteTable
    from lexigram.testing._verification import VerificationError
else:
    from importlib import import_module

    _HOMES = {
        "CallLog": "_journal",
        "CallbackFailed": "_failures",
        "ConnectionRecord": "_connection",
        "FakeHTTPClient": "_fake",
        "Fault": "_faults",
        "FaultServer": "_server",
        "ForbiddenRequest": "_failures",
        "InMemoryMetrics": "_metrics",
        "Outcome": "_outcomes",
        "RecordedCall": "_journal",
        "RecordedRequest": "_requests",
        "Reply": "_outcomes",
        "Route": "_routes",
        "RouteTable": "_table",
        "SequenceExhausted": "_failures",
        "TestKitFailure": "_failures",
        "UnmatchedRequest": "_failures",
        "VerificationError": "_verification",
        "fault": "_faults",
    }

    def __getattr__(name):  # noqa: ANN001, ANN202 - checkers see the imports above
        home = _HOMES.get(name)
        if home is None:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = getattr(import_module(f"{__name__}.{home}"), name)
        globals()[name] = value
        return value

    def __dir__():  # noqa: ANN202 - as above
        return sorted({*globals(), *__all__})


__all__ = [
    "CallLog",
    "CallbackFailed",
    "ConnectionRecord",
    "FakeHTTPClient",
    "Fault",
    "FaultServer",
    "ForbiddenRequest",
    "InMemoryMetrics",
    "Outcome",
    "RecordedCall",
    "RecordedRequest",
    "Reply",
    "Route",
    "RouteTable",
    "SequenceExhausted",
    "TestKitFailure",
    "UnmatchedRequest",
    "VerificationError",
    "fault",
]
