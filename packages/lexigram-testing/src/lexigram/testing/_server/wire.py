"""HTTP/1.1 on a stream (RFC 9112): requests in, replies out."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from typing import Final

from lexigram.contracts.web import Headers
from lexigram.testing._answers.outcomes import Reply, reason_of
from lexigram.testing._calls.requests import RecordedRequest

__all__ = ["BadRequest", "Incoming", "head_of", "read_request"]

LINE_LIMIT: Final = 1 << 20
"""The longest head or line that is read."""

_END_OF_HEAD: Final = b"\r\n\r\n"
_REQUEST_LINE = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+) (\S+) HTTP/1\.([01])")
_CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]+)[ \t]*(?:;.*)?\r\n")
_CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"


class BadRequest(Exception):  # noqa: N818 - the name of the status that answers it
    """What came in is not HTTP/1.1."""

    def __init__(self, problem: str) -> None:
        super().__init__(f"A client sent what is not HTTP/1.1: {problem}")


@dataclass(frozen=True, slots=True)
class Incoming:
    """A request and what its sender expects of the connection."""

    request: RecordedRequest
    keep_alive: bool


async def read_request(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, authority: str
) -> Incoming:
    """Read the next request, its body included.

    Args:
        reader: Where it comes from.
        writer: Where the answer to `Expect: 100-continue` goes.
        authority: Host and port of a request that names none.

    Raises:
        BadRequest: It is not HTTP/1.1.
        IncompleteReadError: The client closed before it was complete.
    """
    try:
        head = (await reader.readuntil(_END_OF_HEAD)).decode("latin-1")
        line, *lines = head.lstrip("\r\n").removesuffix("\r\n\r\n").split("\r\n")
        method, target, minor = _request_line(line)
        headers = Headers([_field(text) for text in lines])
        if headers.get("expect", "").lower() == "100-continue":
            writer.write(_CONTINUE)
        body = await _body(reader, headers)
    except asyncio.LimitOverrunError as error:
        raise BadRequest(
            f"A head or line is longer than {LINE_LIMIT} bytes."
        ) from error
    url = _url(method, target, headers.get("host", authority))
    request = RecordedRequest(method, url, headers, body, target=target)
    _check_url(request)
    return Incoming(request, _keep_alive(headers, minor))


def head_of(reply: Reply, *, close: bool) -> bytes:
    """Return status line and header fields of a reply."""
    pairs = list(reply.headers.pairs)
    if close and "connection" not in reply.headers:
        pairs.append(("Connection", "close"))
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


async def _body(reader: asyncio.StreamReader, headers: Headers) -> bytes:
    coding = headers.get("transfer-encoding", "").lower()
    if coding == "chunked":
        return await _chunked(reader)
    if coding:
        raise BadRequest(f"The transfer coding {coding!r} is not known.")
    length = headers.get("content-length", "0")
    if not (length.isascii() and length.isdecimal()):
        raise BadRequest(f"{length!r} is no Content-Length.")
    return await reader.readexactly(int(length)) if length != "0" else b""


async def _chunked(reader: asyncio.StreamReader) -> bytes:
    body = bytearray()
    while size := await _chunk_size(reader):
        body += await reader.readexactly(size)
        if await reader.readexactly(2) != b"\r\n":
            raise BadRequest("A chunk is longer than its size.")
    # The trailer section ends at an empty line; nothing here reads its fields.
    while await reader.readuntil(b"\r\n") != b"\r\n":
        pass
    return bytes(body)


async def _chunk_size(reader: asyncio.StreamReader) -> int:
    line = await reader.readuntil(b"\r\n")
    # Not `int` alone: it also takes signs, spaces, underscores and "0x".
    found = _CHUNK_SIZE.match(line)
    if found is None:
        raise BadRequest(f"{line[:80]!r} is no chunk size.")
    return int(found[1], 16)


def _url(method: str, target: str, host: str) -> str:
    if "://" in target:  # the absolute form that a proxy is sent
        return target
    if method == "CONNECT":  # the authority form
        return f"http://{target}/"
    return f"http://{host}{'/' if target == '*' else target}"


def _check_url(request: RecordedRequest) -> None:
    try:
        _ = request.origin
    except ValueError as error:
        raise BadRequest(f"The target {request.target[:80]!r} is no URL.") from error


def _keep_alive(headers: Headers, minor: str) -> bool:
    wishes = {wish.strip() for wish in headers.get("connection", "").lower().split(",")}
    return "close" not in wishes if minor == "1" else "keep-alive" in wishes
