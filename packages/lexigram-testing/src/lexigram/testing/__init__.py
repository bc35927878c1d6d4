"""Fakes, a fault-injecting server, virtual time, cassettes and recorders for tests.

Two worlds answer from the same routes: `FakeHTTPClient` without a network, and
`FaultServer` on a real socket. Importing this package costs almost nothing: each part is
loaded when it is first used. The suites that every implementation of a contract has to
pass are in `lexigram.testing.conformance`, the hypothesis strategies in
`lexigram.testing.strategies`, the fixtures in `lexigram.testing.pytest_plugin`.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lexigram.testing._answers.faults import (
        Ending,
        Fault,
        Phase,
        TLSFault,
        fault,
    )
    from lexigram.testing._answers.outcomes import Outcome, Reply
    from lexigram.testing._app.bed import BedOverride, TestBed
    from lexigram.testing._app.faults import BedFaults
    from lexigram.testing._calls.failures import (
        CallbackFailed,
        ForbiddenRequest,
        OrderViolated,
        SequenceExhausted,
        TestKitFailure,
        UnmatchedRequest,
    )
    from lexigram.testing._calls.journal import CallLog, RecordedCall
    from lexigram.testing._calls.multipart import ReceivedFile
    from lexigram.testing._calls.requests import RecordedRequest
    from lexigram.testing._cassettes.cassette import Cassette, RecordMode
    from lexigram.testing._cassettes.client import RecordingHTTPClient
    from lexigram.testing._cassettes.errors import (
        CassetteFileError,
        CassetteVerificationError,
        Drift,
        Leak,
        SecretInCassette,
        UnrecordedRequest,
    )
    from lexigram.testing._cassettes.interactions import Interaction
    from lexigram.testing._cassettes.matching import MatchOn
    from lexigram.testing._cassettes.pact import to_pact
    from lexigram.testing._cassettes.redaction import Redactor, SecretRedactor
    from lexigram.testing._coverage.kinds import FAULT_KINDS, FaultKind
    from lexigram.testing._coverage.report import (
        FaultCoverage,
        RouteCoverage,
        fault_coverage,
    )
    from lexigram.testing._fake.client import FakeHTTPClient
    from lexigram.testing._network.guard import (
        NetworkBlocked,
        NetworkGuard,
        block_network,
    )
    from lexigram.testing._observing.events import LoggedEvent
    from lexigram.testing._observing.logs import LogCapture
    from lexigram.testing._observing.metrics import InMemoryMetrics
    from lexigram.testing._routing.explain import RouteExplanation
    from lexigram.testing._routing.matchers import Criterion, Matcher
    from lexigram.testing._routing.options import RouteOptions
    from lexigram.testing._routing.routes import Route
    from lexigram.testing._routing.table import RouteTable
    from lexigram.testing._routing.verification import Strictness, VerificationError
    from lexigram.testing._server.certificates import CertificateKind
    from lexigram.testing._server.records import ByteLog, ConnectionRecord, TLSInfo
    from lexigram.testing._server.server import FaultServer
    from lexigram.testing._time.clock import VirtualClock
    from lexigram.testing._time.deadlock import DeadlockDetected
    from lexigram.testing._time.loop import VirtualLoop
    from lexigram.testing._time.virtual import virtual_time
else:
    from importlib import import_module

    _HOMES = {
        "BedFaults": "_app.faults",
        "BedOverride": "_app.bed",
        "ByteLog": "_server.records",
        "CallLog": "_calls.journal",
        "CallbackFailed": "_calls.failures",
        "Cassette": "_cassettes.cassette",
        "CassetteFileError": "_cassettes.errors",
        "CassetteVerificationError": "_cassettes.errors",
        "CertificateKind": "_server.certificates",
        "ConnectionRecord": "_server.records",
        "Criterion": "_routing.matchers",
        "DeadlockDetected": "_time.deadlock",
        "Drift": "_cassettes.errors",
        "Ending": "_answers.faults",
        "FAULT_KINDS": "_coverage.kinds",
        "FakeHTTPClient": "_fake.client",
        "Fault": "_answers.faults",
        "FaultCoverage": "_coverage.report",
        "FaultKind": "_coverage.kinds",
        "FaultServer": "_server.server",
        "ForbiddenRequest": "_calls.failures",
        "InMemoryMetrics": "_observing.metrics",
        "Interaction": "_cassettes.interactions",
        "Leak": "_cassettes.errors",
        "LogCapture": "_observing.logs",
        "LoggedEvent": "_observing.events",
        "MatchOn": "_cassettes.matching",
        "Matcher": "_routing.matchers",
        "NetworkBlocked": "_network.guard",
        "NetworkGuard": "_network.guard",
        "OrderViolated": "_calls.failures",
        "Outcome": "_answers.outcomes",
        "Phase": "_answers.faults",
        "RecordMode": "_cassettes.cassette",
        "RecordedCall": "_calls.journal",
        "ReceivedFile": "_calls.multipart",
        "RecordedRequest": "_calls.requests",
        "RecordingHTTPClient": "_cassettes.client",
        "Redactor": "_cassettes.redaction",
        "Reply": "_answers.outcomes",
        "Route": "_routing.routes",
        "RouteCoverage": "_coverage.report",
        "RouteExplanation": "_routing.explain",
        "RouteOptions": "_routing.options",
        "RouteTable": "_routing.table",
        "SecretInCassette": "_cassettes.errors",
        "SecretRedactor": "_cassettes.redaction",
        "SequenceExhausted": "_calls.failures",
        "Strictness": "_routing.verification",
        "TLSInfo": "_server.records",
        "TLSFault": "_answers.faults",
        "TestBed": "_app.bed",
        "TestKitFailure": "_calls.failures",
        "UnmatchedRequest": "_calls.failures",
        "UnrecordedRequest": "_cassettes.errors",
        "VerificationError": "_routing.verification",
        "VirtualClock": "_time.clock",
        "VirtualLoop": "_time.loop",
        "block_network": "_network.guard",
        "fault": "_answers.faults",
        "fault_coverage": "_coverage.report",
        "to_pact": "_cassettes.pact",
        "virtual_time": "_time.virtual",
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
    "FAULT_KINDS",
    "BedFaults",
    "BedOverride",
    "ByteLog",
    "CallLog",
    "CallbackFailed",
    "Cassette",
    "CassetteFileError",
    "CassetteVerificationError",
    "CertificateKind",
    "ConnectionRecord",
    "Criterion",
    "DeadlockDetected",
    "Drift",
    "Ending",
    "FakeHTTPClient",
    "Fault",
    "FaultCoverage",
    "FaultKind",
    "FaultServer",
    "ForbiddenRequest",
    "InMemoryMetrics",
    "Interaction",
    "Leak",
    "LogCapture",
    "LoggedEvent",
    "MatchOn",
    "Matcher",
    "NetworkBlocked",
    "NetworkGuard",
    "OrderViolated",
    "Outcome",
    "Phase",
    "ReceivedFile",
    "RecordMode",
    "RecordedCall",
    "RecordedRequest",
    "RecordingHTTPClient",
    "Redactor",
    "Reply",
    "Route",
    "RouteCoverage",
    "RouteExplanation",
    "RouteOptions",
    "RouteTable",
    "SecretInCassette",
    "SecretRedactor",
    "SequenceExhausted",
    "Strictness",
    "TLSFault",
    "TLSInfo",
    "TestBed",
    "TestKitFailure",
    "UnmatchedRequest",
    "UnrecordedRequest",
    "VerificationError",
    "VirtualClock",
    "VirtualLoop",
    "block_network",
    "fault",
    "fault_coverage",
    "to_pact",
    "virtual_time",
]
