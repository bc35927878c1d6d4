"""What an outcome counts as."""

from __future__ import annotations

import asyncio
from typing import Final, Literal, TypeAlias, get_args

from lexigram.contracts.web import (
    HTTPConnectionError,
    HTTPDecodeError,
    HTTPRedirectError,
    HttpResponse,
    HTTPResponseTooLargeError,
    HTTPStatusError,
    HTTPTimeoutError,
)
from lexigram.testing._answers.faults import Fault
from lexigram.testing._answers.outcomes import Outcome, Reply

__all__ = ["FAULT_KINDS", "FaultKind", "kind_of"]

FaultKind: TypeAlias = Literal[
    "ok", "4xx", "429", "5xx", "timeout", "refused", "reset", "malformed"
]
"""A way for a call to end, as its caller sees it. 429 is counted apart from 4xx: it is
the one that asks for a wait. `timeout` is no answer in time, `refused` no connection,
`reset` a connection lost, `malformed` an answer that is cut or no HTTP."""

FAULT_KINDS: Final[tuple[FaultKind, ...]] = get_args(FaultKind)
"""Every kind, in the order of reports."""

_TOO_MANY_REQUESTS: Final = 429
# By its ending where it is not here, and malformed where that says nothing. A correct
# answer is ok however slow; when the client did not wait, there is an error instead.
_OF_FAULT: Final[dict[str, FaultKind]] = {
    "refused": "refused",
    "tls": "refused",
    "close": "reset",
    "keepalive_race": "reset",
    "close_after_reply": "ok",
    "drip": "ok",
    "drip_headers": "ok",
    "redirect_loop": "ok",
}
_OF_FAILURE: Final[dict[str, FaultKind]] = {
    "disconnected": "reset",
    "truncated": "malformed",
    "protocol": "malformed",
}
# Subclasses first. A server's journal holds the error that ended its side: a client
# that left had waited long enough, and so had one that was still there at the end.
_OF_ERROR: Final[tuple[tuple[type[BaseException], FaultKind], ...]] = (
    (HTTPTimeoutError, "timeout"),
    (HTTPDecodeError, "malformed"),
    (HTTPRedirectError, "malformed"),
    (HTTPResponseTooLargeError, "malformed"),
    (ConnectionRefusedError, "refused"),
    (ConnectionResetError, "reset"),
    (BrokenPipeError, "reset"),
    (ConnectionError, "timeout"),
    (TimeoutError, "timeout"),
    (asyncio.CancelledError, "timeout"),
)


def kind_of(outcome: Outcome | None) -> FaultKind | None:
    """Return what an outcome counts as.

    None when it is not known yet, and for an error that is none of an upstream's, such
    as an open circuit.
    """
    match outcome:
        case Reply() | HttpResponse() | HTTPStatusError():
            return _of_status(outcome.status)
        case Fault():
            return _of_fault(outcome)
        case HTTPConnectionError():
            return _OF_FAILURE.get(outcome.failure, "refused")
        case _:
            return _of_error(outcome)


def _of_status(status: int) -> FaultKind:
    if status == _TOO_MANY_REQUESTS:
        return "429"
    return "ok" if status < 400 else "4xx" if status < 500 else "5xx"  # noqa: PLR2004 - the classes of RFC 9110


def _of_fault(fault: Fault) -> FaultKind:
    by_ending: dict[str, FaultKind] = {"reset": "reset", "hang": "timeout"}
    return _OF_FAULT.get(fault.kind) or by_ending.get(fault.then, "malformed")


def _of_error(error: object) -> FaultKind | None:
    return next((kind for cls, kind in _OF_ERROR if isinstance(error, cls)), None)
