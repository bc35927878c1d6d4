"""Credentials from the file that curl and ftp read as well."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from netrc import NetrcParseError, netrc
from pathlib import Path
from typing import ClassVar, Final, TypeAlias
from urllib.parse import urlsplit

from lexigram.contracts.web import HTTPClientError, InterceptorProtocol, RequestContext
from lexigram.contracts.web.calling import basic_credentials
from lexigram.http.interceptors.single_flight import SingleFlight
from lexigram.result import Err, Ok, Result

_DEFAULT: Final = "default"

_Entries: TypeAlias = Mapping[str, tuple[str, str]]
"""User and password of each host, in lower case."""


class NetrcError(HTTPClientError):
    """The netrc file cannot be used; says which file, why, and in which line."""

    code: ClassVar[str] = "http.netrc"


class NetrcAuth(InterceptorProtocol):
    """Sends `Authorization: Basic …` (RFC 7617) to the hosts that a netrc file names.

    Each attempt gets the entry of its own host, none other: a redirect to another host
    meets that one's entry or none. A request that has the field already keeps it, and one
    whose URL holds credentials goes with those. An entry is for every port and scheme of
    its host, as the format knows neither.

    The file is read with the first request and kept; one that cannot be used fails the
    call and is read again with the next.

    Args:
        path: The file. Left out: what the variable NETRC names, else `~/.netrc`, which
            nobody but its owner may be able to read.
        default: Whether the entry `default` is for all hosts without one of their own.
            It hands its password to every host that is called.

    Raises:
        NetrcError: By a call: the file cannot be read or understood.

    Example:
        >>> client = HTTPClient(interceptors=[NetrcAuth()])
    """

    scope = "attempt"

    def __init__(
        self, path: str | os.PathLike[str] | None = None, *, default: bool = False
    ) -> None:
        self._path = None if path is None else Path(path).expanduser()
        self._default = default
        self._entries: _Entries | None = None
        self._reading = SingleFlight(self._read)

    async def intercept_request(self, context: RequestContext, /) -> RequestContext:
        """Add the credentials for the host, if there are any and none are there."""
        parts = urlsplit(context.url)
        given = "authorization" in context.headers or "@" in parts.netloc
        if not given and not context.own_auth:
            entries = self._entries
            if entries is None:
                entries = await self._read_by(context)
            entry = self._entry(entries, parts.hostname or "")
            if entry is not None:
                context.headers["Authorization"] = basic_credentials(*entry)
        return context

    def _entry(self, entries: _Entries, host: str) -> tuple[str, str] | None:
        if host != _DEFAULT and host in entries:
            return entries[host]
        return entries.get(_DEFAULT) if self._default else None

    async def _read_by(self, request: RequestContext) -> _Entries:
        """Return the entries to a request, and the same problem as its own error."""
        match await self._reading.join():
            case Ok(entries):
                self._entries = entries
                return entries
            case Err(problem):
                raise NetrcError(problem, method=request.method, url=request.url)

    async def _read(self) -> Result[_Entries, str]:
        path = self._path or _named_by_environment()
        return await asyncio.to_thread(_entries_of, path)

    def __repr__(self) -> str:
        where = "the usual file" if self._path is None else repr(str(self._path))
        return f"<NetrcAuth from {where}>"


def _named_by_environment() -> Path | None:
    named = os.environ.get("NETRC")
    return Path(named).expanduser() if named else None


def _entries_of(path: Path | None) -> Result[_Entries, str]:
    """Read the file; without a path the usual one, whose permissions are checked.

    No error of `netrc` goes on as a cause: it quotes what may be a password.
    """
    shown = str(path or Path("~/.netrc").expanduser())
    try:
        # Only when it finds the file by itself does `netrc` check who may read it.
        hosts = netrc(None if path is None else str(path)).hosts
    except OSError as error:
        return Err(
            f"The netrc file {shown!r} cannot be read: {error.strerror}. Give the path of "
            "a file that this process may read, to NetrcAuth or in NETRC."
        )
    except NetrcParseError as error:
        return Err(_malformed(shown, error))
    except ValueError:
        return Err(f"The netrc file {shown!r} is not text in UTF-8. Save it as such.")
    # A machine without both is one that ftp would ask about.
    entries = {
        host.lower(): (user, password)
        for host, (user, _account, password) in hosts.items()
        if user or password
    }
    return Ok(entries)


def _malformed(path: str, error: NetrcParseError) -> str:
    if error.lineno is None:
        return (
            f"The netrc file {path!r} belongs to somebody else, or others may read it. "
            "`chmod 600` makes it private."
        )
    return (
        f"The netrc file {path!r} is malformed, as seen by line {error.lineno}. After a "
        "`machine`, `login` and `password` are each followed by one word; one with white "
        "space in it stands in double quotes."
    )
