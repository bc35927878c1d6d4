"""Where a request goes, in the words of the conventions."""

from __future__ import annotations

import functools
import re
from collections.abc import Collection
from dataclasses import dataclass, field
from urllib.parse import unquote_plus, urlsplit

from lexigram.contracts.redaction import is_secret_name

__all__ = ["Target", "shown_url", "target_of"]

_AUTHORITY = re.compile(r"([^/?#]*//)(?:([^/?#]*)@)?([^/?#]*)")
_PORTS = {"http": 80, "https": 443}
_REDACTED = "REDACTED"

# Signatures in the query, by the names and the case of the services that read them:
# https://opentelemetry.io/docs/specs/semconv/registry/attributes/url/ (`url.full`).
_SIGNATURES = frozenset(
    {
        "AWSAccessKeyId",
        "Signature",
        "X-Amz-Credential",
        "X-Amz-Security-Token",
        "X-Amz-Signature",
        "X-Goog-Signature",
        "sig",
    }
)


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


def shown_url(url: str, more: Collection[str] = ()) -> str:
    """Return `url` as a span may show it.

    Userinfo becomes "REDACTED:REDACTED". So do, but for their names, the values of query
    parameters that carry a signature, look like a secret or are among `more`; the
    fragment is left out.
    """
    url, _, _ = url.partition("#")
    if "@" in url:
        url = _AUTHORITY.sub(_without_userinfo, url, count=1)
    path, mark, query = url.partition("?")
    if not mark:
        return url
    return f"{path}?{'&'.join(_shown_pair(pair, more) for pair in query.split('&'))}"


def _without_userinfo(found: re.Match[str]) -> str:
    userinfo = "" if found[2] is None else f"{_REDACTED}:{_REDACTED}@"
    return f"{found[1]}{userinfo}{found[3]}"


def _shown_pair(pair: str, more: Collection[str]) -> str:
    key, mark, _ = pair.partition("=")
    if not mark:
        return pair
    name = unquote_plus(key)
    hidden = name in _SIGNATURES or name in more or is_secret_name(name)
    return f"{key}={_REDACTED}" if hidden else pair
