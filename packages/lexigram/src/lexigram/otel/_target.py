"""Where a request goes, in the words of the conventions."""

from __future__ import annotations

import functools
import re
from collections.abc import Collection
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from lexigram.contracts.redaction import redact_url

__all__ = ["Target", "shown_url", "target_of"]

_AUTHORITY = re.compile(r"([^/?#]*//)(?:([^/?#]*)@)?([^/?#]*)")
_PORTS = {"http": 80, "https": 443}
_REDACTED = "REDACTED"


@dataclass(frozen=True, slots=True)
class Target:
    """The server that a URL names.

    Attributes:
        host: Its name or address, without the brackets of IPv6.
        port: Its port, the scheme's own where the URL has none; None when unknown.
        origin: Scheme, host and port.
        attributes: `server.address` and `server.port`.
    """

    host: str
    port: int | None
    origin: str
    attributes: dict[str, str | int] = field(compare=False)


_NOWHERE = Target("", None, "", {})


def target_of(url: str) -> Target:
    """Return the server of a URL."""
    found = _AUTHORITY.match(url)
    return _read(found[1] + found[3] if found else "")


@functools.lru_cache(maxsize=256)  # a process calls few servers, many times each
def _read(origin: str) -> Target:
    try:
        parts = urlsplit(origin)
        host, port = parts.hostname or "", parts.port
    except ValueError:  # the client is about to say what is wrong with it
        return _NOWHERE
    if not host:
        return _NOWHERE
    port = port or _PORTS.get(parts.scheme)
    shown = f"[{host}]" if ":" in host else host
    attributes: dict[str, str | int] = {"server.address": host}
    if port is not None:
        attributes["server.port"] = port
    return Target(host, port, f"{parts.scheme}://{shown}:{port}", attributes)


def shown_url(url: str, shown: Collection[str] = ()) -> str:
    """Return `url` as a span may show it: `redact_url` in the words of the conventions.

    Userinfo becomes "REDACTED:REDACTED", and the values of query parameters "REDACTED"
    but for those that are `shown`; the fragment is left out.
    """
    userinfo = f"{_REDACTED}:{_REDACTED}"
    return redact_url(url, shown=shown, userinfo=userinfo, value=_REDACTED)
