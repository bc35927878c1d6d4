"""Readers of events and of JSON lines, all over the same bytes in memory.

Each takes the chunks of one body and returns how many values it read, and the last one's
text: by that they are checked against each other. Nothing else is done with the values.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Final, Literal, TypeAlias, cast

import aiohttp

from lexigram.contracts.web.streaming import EventParser, ResponseStream

# Of the dependency group `bench`: not there for whoever checks types.
httpx: Any = import_module("httpx")
httpx_sse: Any = import_module("httpx_sse")
_decoders: Any = import_module("httpx_sse._decoders")

Chunks: TypeAlias = Sequence[bytes]
Counted: TypeAlias = tuple[int, Any]
Form: TypeAlias = Literal["plain events", "named events", "lines", "JSON lines"]
Way: TypeAlias = Literal["parser", "iteration"]

URL: Final = "http://bench.test/"
EVENTS: Final = {"Content-Type": "text/event-stream"}
LINES: Final = {"Content-Type": "application/x-ndjson"}


@dataclass(frozen=True, slots=True)
class Reader:
    """One way to read a body."""

    whose: str
    shown: str
    way: Way
    read: Callable[[Chunks], Counted | Awaitable[Counted]]
    forms: frozenset[Form]


def values(form: Form, number: int) -> Iterator[bytes]:
    """Give the values of a body, about 100 bytes each."""
    for count in range(number):
        text = json.dumps(
            {"index": count, "delta": {"role": "model", "text": f"token {count} é"}},
            ensure_ascii=False,
        )
        if form in ("lines", "JSON lines"):
            yield f"{text}\n".encode()
        elif form == "plain events":
            yield f"data: {text}\n\n".encode()
        else:
            yield f"event: delta\nid: {count}\ndata: {text}\n\n".encode()


def divided(parts: Iterator[bytes], size: int | None) -> Chunks:
    """Divide a body in chunks of a size; None makes one of each value."""
    if size is None:
        return list(parts)
    body = b"".join(parts)
    return [body[start : start + size] for start in range(0, len(body), size)]


# Parsers alone.


def ours_parses_events(chunks: Chunks) -> Counted:
    """Feed `EventParser`."""
    parser, number, last = EventParser(), 0, ""
    for chunk in chunks:
        for event in parser.feed(chunk):
            number += 1
            last = event.data
    return number, last


def httpx_sse_parses_events(chunks: Chunks) -> Counted:
    """Feed the decoders of lines and of events, as httpx-sse does."""
    text = httpx._decoders.TextDecoder()  # noqa: SLF001
    lines, events = _decoders.SSELineDecoder(), _decoders.SSEDecoder()
    number, last = 0, ""
    for chunk in chunks:
        for line in lines.decode(text.decode(chunk)):
            event = events.decode(line.rstrip("\n"))
            if event is not None:
                number += 1
                last = event.data
    return number, last


# The iteration that a service writes.


async def ours_gives_events(chunks: Chunks) -> Counted:
    """`stream.events()`."""
    stream = ResponseStream(200, EVENTS, URL, "GET", _coming(chunks))
    number, last = 0, ""
    async for event in stream.events():
        number += 1
        last = event.data
    return number, last


async def httpx_sse_gives_events(chunks: Chunks) -> Counted:
    """`EventSource.aiter_sse()`."""
    source = httpx_sse.EventSource(_answer(EVENTS, chunks))
    number, last = 0, ""
    async for event in source.aiter_sse():
        number += 1
        last = event.data
    return number, last


async def naive_events(chunks: Chunks) -> Counted:
    """`async for line in response.content`, and fields split by hand."""
    number, last = 0, ""
    kind, identity, data = "message", "", list[str]()
    async for raw in _content(chunks):
        line = raw.decode().rstrip("\r\n")
        if not line:
            if data:
                event = (kind, "\n".join(data), identity)
                number += 1
                last = event[1]
            kind, data = "message", []
            continue
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "data":
            data.append(value)
        elif name == "event":
            kind = value
        elif name == "id":
            identity = value
    return number, last


async def ours_gives_lines(chunks: Chunks) -> Counted:
    """`stream.lines()`."""
    stream = ResponseStream(200, LINES, URL, "GET", _coming(chunks))
    number, last = 0, ""
    async for line in stream.lines():
        number += 1
        last = line
    return number, last


async def httpx_gives_lines(chunks: Chunks) -> Counted:
    """`response.aiter_lines()`."""
    number, last = 0, ""
    async for line in _answer(LINES, chunks).aiter_lines():
        number += 1
        last = line
    return number, last


async def naive_lines(chunks: Chunks) -> Counted:
    """`async for line in response.content`, each decoded."""
    number, last = 0, ""
    async for line in _content(chunks):
        number += 1
        last = line.decode().rstrip("\r\n")
    return number, last


async def ours_gives_json(chunks: Chunks) -> Counted:
    """`stream.json_lines()`."""
    stream = ResponseStream(200, LINES, URL, "GET", _coming(chunks))
    number, last = 0, ""
    async for value in stream.json_lines():
        number += 1
        last = value
    return number, last


async def httpx_gives_json(chunks: Chunks) -> Counted:
    """`response.aiter_lines()`, each with `json.loads`."""
    number, last = 0, ""
    async for line in _answer(LINES, chunks).aiter_lines():
        number += 1
        last = json.loads(line)
    return number, last


async def naive_json(chunks: Chunks) -> Counted:
    """`async for line in response.content`, each with `json.loads`."""
    number, last = 0, ""
    async for line in _content(chunks):
        number += 1
        last = json.loads(line)
    return number, last


async def _coming(chunks: Chunks) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk


class _Body(httpx.AsyncByteStream):  # type: ignore[misc]  # httpx may not be there
    def __init__(self, chunks: Chunks) -> None:
        self._chunks = chunks

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for chunk in self._chunks:
            yield chunk


def _answer(headers: dict[str, str], chunks: Chunks) -> httpx.Response:
    request = httpx.Request("GET", URL)
    return httpx.Response(200, headers=headers, stream=_Body(chunks), request=request)


class _Protocol:
    """What a reader of aiohttp asks of its connection."""

    _reading_paused = False

    def pause_reading(self) -> None:
        self._reading_paused = True

    def resume_reading(self, **_: object) -> None:
        self._reading_paused = False


def _content(chunks: Chunks) -> aiohttp.StreamReader:
    """Return the content of a response of which all has arrived: nothing waits."""
    content = aiohttp.StreamReader(
        cast("Any", _Protocol()), 2**16, loop=asyncio.get_running_loop()
    )
    for chunk in chunks:
        content.feed_data(chunk)
    content.feed_eof()
    return content


_EVENTS: Final = frozenset[Form]({"plain events", "named events"})
_LINES: Final = frozenset[Form]({"lines"})
_JSON: Final = frozenset[Form]({"JSON lines"})

READERS: Final = (
    Reader("ours", "`EventParser`", "parser", ours_parses_events, _EVENTS),
    Reader("httpx-sse", "httpx-sse", "parser", httpx_sse_parses_events, _EVENTS),
    Reader("ours", "`stream.events()`", "iteration", ours_gives_events, _EVENTS),
    Reader("httpx-sse", "httpx-sse", "iteration", httpx_sse_gives_events, _EVENTS),
    Reader("aiohttp", "aiohttp, by hand", "iteration", naive_events, _EVENTS),
    Reader("ours", "`stream.json_lines()`", "iteration", ours_gives_json, _JSON),
    Reader("httpx", "httpx, `aiter_lines`", "iteration", httpx_gives_json, _JSON),
    Reader("aiohttp", "aiohttp, by hand", "iteration", naive_json, _JSON),
    Reader("ours", "`stream.lines()`", "iteration", ours_gives_lines, _LINES),
    Reader("httpx", "httpx, `aiter_lines`", "iteration", httpx_gives_lines, _LINES),
    Reader("aiohttp", "aiohttp, by hand", "iteration", naive_lines, _LINES),
)
"""Everyone; ours first in each group."""

TARGETS: Final = {"httpx-sse": 2.0, "aiohttp": 1.0}
"""How many times what ours takes the others have to take."""
