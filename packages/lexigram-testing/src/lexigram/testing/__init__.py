"""Fakes, a fault-injecting server and recorders for tests.

Two worlds answer from the same routes: `FakeHTTPClient` without a network, and
`FaultServer` on a real socket. Importing this package costs almost nothing: each part is
loaded when it is first used.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lexigram.testing._answers.faults import Fault, fault
    from lexigram.testing._answers.outcomes import Outcome, Reply
    from lexigram.testing._calls.failures import (
        CallbackFailed,
        ForbiddenRequest,
        SequenceExhausted,
        TestKitFailure,
        UnmatchedRequest,
    )
    from lexigram.testing._calls.journal import CallLog, RecordedCall
    from lexigram.testing._calls.requests import RecordedRequest
    from lexigram.testing._fake.client import FakeHTTPClient
    from lexigram.testing._observing.metrics import InMemoryMetrics
    from lexigram.testing._routing.routes import Route
    from lexigram.testing._routing.table import RouteTable
    from lexigram.testing._routing.verification import VerificationError
    from lexigram.testing._server.connection import ConnectionRecord
    from lexigram.testing._server.server import FaultServer
else:
    from importlib import import_module

    _HOMES = {
        "CallLog": "_calls.journal",
        "CallbackFailed": "_calls.failures",
        "ConnectionRecord": "_server.connection",
        "FakeHTTPClient": "_fake.client",
        "Fault": "_answers.faults",
        "FaultServer": "_server.server",
        "ForbiddenRequest": "_calls.failures",
        "InMemoryMetrics": "_observing.metrics",
        "Outcome": "_answers.outcomes",
        "RecordedCall": "_calls.journal",
        "RecordedRequest": "_calls.requests",
        "Reply": "_answers.outcomes",
        "Route": "_routing.routes",
        "RouteTable": "_routing.table",
        "SequenceExhausted": "_calls.failures",
        "TestKitFailure": "_calls.failures",
        "UnmatchedRequest": "_calls.failures",
        "VerificationError": "_routing.verification",
        "fault": "_answers.faults",
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
