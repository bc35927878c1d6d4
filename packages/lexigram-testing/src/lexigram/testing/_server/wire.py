"""HTTP/1.1 on a stream (RFC 9112): requests in, replies out."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from lexigram.contracts.web import Headers
from lexigram.testing._answers.outcomes import Reply, reason_of
from lexigram.testing._calls.requests import RecordedRequest

__all__ = ["BadRequest", "Incoming", "Source", "head_of", "read_request"]

LINE_LIMIT: Final = 1 << 20
"""The longest head or line that is read."""

_END_OF_HEAD: Final = b"\r\n\r\n"
_REQUEST_LINE = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+) (\S+) HTTP/1\.([01])")
# Not `isdecimal`: it takes other digits too, and `int` refuses thousands of them.
_LENGTH = re.compile(r"[0-9]{1,18}")
_CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]+)[ \t]*(?:;.*)?\r\n")
_CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"


class BadRequest(Exception):  # noqa: N818 - the name of the status that answers it
    """What came in is not HTTP/1.1."""

    def __init__(self, problem: str) -> None:
        super().__init__(f"A client sent what is not HTTP/1.1: {problem}")


class Source:
    """A stream that counts what is taken from it."""

    __slots__ = ("_reader", "taken")

    def __init__(self, reader: asyncio.StreamReader) -> None:
        self._reader = reader
        self.taken: int = 0

    async def read(self, n: int) -> bytes:
        """Return up to `n` bytes, as soon as there are some; none at the end."""
        data = await self._reader.read(n)
        self.taken += len(data)
        return data

    async def readexactly(self, n: int) -> bytes:
        """Return `n` bytes."""
        data = await self._reader.readexactly(n)
        self.taken += n
        return data

    async def readuntil(self, separator: bytes) -> bytes:
        """Return everything up to and with the separator."""
        data = await self._reader.readuntil(separator)
        self.taken += len(data)
        return data


@dataclass(frozen=True, slots=True)
class Incoming:
    """A request and what its sender expects of the connection."""

    request: RecordedRequest
    keep_alive: bool
    is_old: bool = False
    """Whether it came as HTTP/1.0, which knows no chunks and closes by default."""


async def read_request(
    reader: Source, write: Callable[[bytes], None], origin: str
) -> Incoming:
    """Read the next request, its body included.

    Args:
        reader: Where it comes from.
        write: Sends the answer to `Expect: 100-continue`.
        origin: The origin of a request that names none; its scheme holds for all.

    Raises:
        BadRequest: It is not HTTP/1.1.
        IncompleteReadError: The client closed before it was complete.
    """
    try:
        head = (await reader.readuntil(_END_OF_HEAD)).decode("latin-1")
        line, *lines = head.lstrip("\r\n").removesuffix("\r\n\r\n").split("\r\n")
        method, target, minor = _request_line(line)
        headers = Headers([_field(text) for text in lines])
        is_old = minor == "0"
        if headers.get("expect", "").lower() == "100-continue" and not is_old:
            write(_CONTINUE)
        body = await _body(reader, headers)
    except asyncio.LimitOverrunError as error:
        raise BadRequest(
            f"A head or line is longer than {LINE_LIMIT} bytes."
        ) from error
    url = _url(method, target, headers.get("host"), origin)
    request = RecordedRequest(method, url, headers, body, target=target)
    _check_url(request)
    return Incoming(request, _keep_alive(headers, is_old=is_old), is_old)


def head_of(reply: Reply, incoming: Incoming | None, *, close: bool) -> bytes:
    """Return status line and header fields of a reply.

    Args:
        reply: What is answered.
        incoming: What it answers; None for what is no request.
        close: Whether the connection ends after it.
    """
    pairs = list(reply.headers.pairs)
    is_old = incoming is not None and incoming.is_old
    if is_old:
        pairs = [pair for pair in pairs if pair[0].lower() != "transfer-encoding"]
    if "connection" not in reply.headers and (close or is_old):
        pairs.append(("Connection", "close" if close else "keep-alive"))
    fields = "".join(f"{name}: {value}\r\n" for name, value in pairs)
    line = f"HTTP/1.1 {reply.status} {reason_of(reply.status)}\r\n"
    # Field values may hold any byte above 0x7f (RFC 9110 §5.5); UTF-8 is what servers
    # send in practice.
    return f"{line}{fields}\r\n".encode()


def _request_line(line: str) -> tuple[str, str, str]:
    found = _REQUEST_LINE.fullmatch(line)
    if found is None:
        raise BadRequest(f"{line[:80]!r} is not a request line.")
    return found[1], found[2], found[3]


def _field(line: str) -> tuple[str, str]:
    name, colon, value = line.partition(":")
    if not colon or not name or name != name.strip():
        raise BadRequest(f"{name[:80]!r} begins no header field.")
    return name, value.strip(" \t")


async def _body(reader: Source, headers: Headers) -> bytes:
    coding = headers.get("transfer-encoding", "").lower()
    lengths = set(headers.get_all("content-length"))
    if coding and lengths:
        raise BadRequest("There are both Content-Length and Transfer-Encoding.")
    if coding == "chunked":
        return await _chunked(reader)
    if coding:
        raise BadRequest(f"The transfer coding {coding!r} is not known.")
    if not lengths:
        return b""
    return await reader.readexactly(_length(lengths))


def _length(lengths: set[str]) -> int:
    if len(lengths) > 1:
        raise BadRequest(f"There are {len(lengths)} Content-Lengths that differ.")
    (length,) = lengths
    if _LENGTH.fullmatch(length) is None:
        raise BadRequest(f"{length[:80]!r} is no Content-Length.")
    return int(length)


async def _chunked(reader: Source) -> bytes:
    body = bytearray()
    while size := await _chunk_size(reader):
        body += await reader.readexactly(size)
        if await reader.readexactly(2) != b"\r\n":
            raise BadRequest("A chunk is longer than its size.")
    # The trailer section ends at an empty line; nothing here reads its fields.
    while await reader.readuntil(b"\r\n") != b"\r\n":
        pass
    return bytes(body)


async def _chunk_size(reader: Source) -> int:
    line = await reader.readuntil(b"\r\n")
    # Not `int` alone: it also takes signs, spaces, underscores and "0x".
    found = _CHUNK_SIZE.match(line)
    if found is None:
        raise BadRequest(f"{line[:80]!r} is no chunk size.")
    return int(found[1], 16)


def _url(method: str, target: str, host: str | None, origin: str) -> str:
    if "://" in target:  # the absolute form that a proxy is sent
        return target
    if method == "CONNECT":  # the authority form
        return f"http://{target}/"
    scheme, _, own = origin.partition("://")
    return f"{scheme}://{host or own}{'/' if target == '*' else target}"


def _check_url(request: RecordedRequest) -> None:
    try:
        _ = request.origin
    except ValueError as error:
        raise BadRequest(f"The target {request.target[:80]!r} is no URL.") from error


def _keep_alive(headers: Headers, *, is_old: bool) -> bool:
    wishes = {wish.strip() for wish in headers.get("connection", "").lower().split(",")}
    return "keep-alive" in wishes if is_old else "close" not in wishes
