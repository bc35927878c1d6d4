"""What an interceptor sees of a request and of a response."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from lexigram.contracts.redaction import redact_url
from lexigram.contracts.web._content import BodyStream
from lexigram.contracts.web._headers import Headers, MutableHeaders

__all__ = ["RequestContext", "ResponseContext"]


def _no_state() -> dict[str, Any]:
    return {}


@dataclass(slots=True)
class RequestContext:
    """A request on its way out; what the interceptors make of it is what is sent.

    `headers` are case-insensitive and mutable. `url` already holds the query; `params`
    says what the caller passed, for reading. The body is in `body`, or in `body_stream` when
    it is read while it is sent; who sets one sets the other to None. `timeout` is in seconds, `attempt` counts
    from 1, `state` belongs to the interceptors and lives as long as the call. `route` is
    the name that the caller gave to calls of this kind, or "". `own_auth` says that the
    call has the option `auth`: an interceptor that adds credentials to all calls leaves
    this one alone.
    """

    method: str
    url: str
    headers: MutableHeaders = field(default_factory=MutableHeaders)
    params: Mapping[str, Any] = field(default_factory=_no_state)
    body: bytes | None = None
    timeout: float | None = None
    attempt: int = 1
    state: dict[str, Any] = field(default_factory=_no_state)
    route: str = ""
    own_auth: bool = False
    body_stream: BodyStream | None = None

    def __repr__(self) -> str:
        size = "no body" if self.body is None else f"{len(self.body)} bytes"
        if self.body_stream is not None:
            size = repr(self.body_stream)
        return (
            f"<RequestContext {self.method} {redact_url(self.url)} "
            f"attempt {self.attempt}, {self.headers!r}, {size}>"
        )


@dataclass(slots=True)
class ResponseContext:
    """A response on its way back; what the interceptors make of it the caller gets.

    `duration` is in seconds, from the start of the call to the end of the body, all
    attempts included; `attempt` is the number of the last one.
    """

    status: int
    headers: Headers = field(default_factory=Headers)
    body: bytes = b""
    url: str = ""
    method: str = "GET"
    duration: float = 0.0
    attempt: int = 1
    request: RequestContext | None = None

    def __repr__(self) -> str:
        return (
            f"<ResponseContext {self.status} {self.method} {redact_url(self.url)} "
            f"attempt {self.attempt}, {self.headers!r}, {len(self.body)} bytes>"
        )
