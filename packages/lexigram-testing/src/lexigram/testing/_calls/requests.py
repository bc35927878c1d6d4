"""A request as the fake or the server received it."""

from __future__ import annotations

import json as jsonlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from lexigram.contracts.redaction import redact_url
from lexigram.contracts.web import Headers, RequestContext

__all__ = ["RecordedRequest", "origin_of"]

_PORTS = {"http": 80, "https": 443}


@dataclass(eq=False)
class RecordedRequest:
    """One request, complete. For reading only.

    What costs something to know (query, text, JSON) is worked out when it is first
    asked for, and kept.
    """

    method: str
    """The method, in upper case when a fake received it, as sent on the wire."""
    url: str
    """The absolute URL."""
    headers: Headers = field(default_factory=Headers)
    """The header fields; case-insensitive, repeated values and their case kept."""
    body: bytes = b""
    """The content, transfer codings removed."""
    timeout: float | None = None
    """Seconds that the caller of a fake gave the call; a server does not know them."""
    target: str = ""
    """The request target of the request line: absolute when sent to a proxy."""
    path_params: Mapping[str, str] = field(default_factory=dict[str, str])
    """What the fields of the route's URL template stand for, decoded."""

    @classmethod
    def of(cls, context: RequestContext) -> RecordedRequest:
        """Record what `build_request` built."""
        return cls(
            context.method,
            context.url,
            Headers(context.headers),
            context.body or b"",
            context.timeout,
        )

    @cached_property
    def path(self) -> str:
        """The path as sent, percent-encoding kept."""
        return self._parts.path or "/"

    @cached_property
    def params(self) -> tuple[tuple[str, str], ...]:
        """The query, decoded, in order."""
        return tuple(parse_qsl(self._parts.query, keep_blank_values=True))

    @cached_property
    def text(self) -> str:
        """The body as UTF-8; other bytes become U+FFFD."""
        return self.body.decode("utf-8", "replace")

    @cached_property
    def json(self) -> Any:
        """The body parsed as JSON.

        Raises:
            ValueError: It is not JSON.
        """
        return jsonlib.loads(self.body)

    @cached_property
    def origin(self) -> str:
        """Scheme, host and port, in lower case: "https://api.test:443"."""
        return origin_of(self._parts)

    @cached_property
    def segments(self) -> tuple[str, ...]:
        """The path, split at its slashes and then decoded."""
        return tuple(map(unquote, self.path.split("/")))

    def __repr__(self) -> str:
        return (
            f"<RecordedRequest {self.method} {redact_url(self.url)}, "
            f"{len(self.body)} bytes>"
        )

    @cached_property
    def _parts(self) -> SplitResult:
        return urlsplit(self.url)


def origin_of(parts: SplitResult) -> str:
    """Return scheme, host and port of a URL, the default port written out.

    Raises:
        ValueError: The port is not a number.
    """
    scheme = parts.scheme.lower()
    return f"{scheme}://{parts.hostname or ''}:{parts.port or _PORTS.get(scheme, 0)}"
