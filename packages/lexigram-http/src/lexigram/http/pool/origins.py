"""From a URL to its origin, and to what is the same in every request to that."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import urlsplit

from aiohttp.client_reqrep import ConnectionKey
from yarl import URL

_MOST_ORIGINS = 1024
_AFTER_SCHEME = len("https://")
_AUTHORITY_ENDS = re.compile("[/?]")


class Origin(NamedTuple):
    """Whom a request is for, and the connections that lead there."""

    scheme: str
    host: str
    """The name in its ASCII form, or the address."""
    port: int | None
    address: str
    """The value of the Host header field."""
    place: tuple[str, int | None]
    """What places in a pool are counted by."""
    key: ConnectionKey
    """What a direct connection is kept under that speaks the pool's own TLS, if any."""
    has_userinfo: bool


def parted(url: str) -> tuple[Origin, str]:
    """Return the origin of a usable URL, and the rest of it as a request has it.

    Raises:
        ValueError: Its host has no form in ASCII.
    """
    end = _AUTHORITY_ENDS.search(url, _AFTER_SCHEME)
    if end is None:
        return _origin(url), "/"
    start = end.start()
    rest = url[start:]
    return _origin(url[:start]), rest if rest[0] == "/" else f"/{rest}"


def wire_url(url: str) -> URL:
    """Return the URL in aiohttp's form, and in no other words.

    Left to itself it decodes what it finds needlessly escaped, which makes another URL
    of it (RFC 3986 §2.2): one that nobody signed. Only a name is put into its ASCII form
    (RFC 5891).
    """
    if url.isascii():
        return URL(url, encoded=True)
    parts = urlsplit(url)
    authority = URL(f"{parts.scheme}://{parts.netloc}").raw_authority
    return URL(parts._replace(netloc=authority).geturl(), encoded=True)


@lru_cache(_MOST_ORIGINS)
def _origin(authority: str) -> Origin:
    url = wire_url(authority)
    host = url.raw_host or ""
    secure = url.scheme == "https"
    return Origin(
        url.scheme,
        host,
        url.port,
        url.host_port_subcomponent or "",
        (host, url.port),
        ConnectionKey(host, url.port, secure, True, None, None, None),  # noqa: FBT003 - as aiohttp has it
        url.raw_user is not None or url.raw_password is not None,
    )
