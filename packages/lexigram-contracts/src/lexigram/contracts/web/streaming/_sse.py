"""Server-sent events, read as the standard says.

https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Final, NamedTuple, TypeAlias

from lexigram.contracts.web._errors import HTTPResponseTooLargeError
from lexigram.contracts.web._streaming import MAX_LINE_BYTES
from lexigram.contracts.web.streaming._lines import Head, check_limit, too_long

__all__ = ["EventParser", "ServerSentEvent"]

# A longer number is no time to wait, and Python refuses to read the longest ones.
_MAX_RETRY_DIGITS: Final = 15

_Parts: TypeAlias = tuple[str, str, str, int | None]

# The blocks of a text: each as the fields of nearly all events, in the order that servers
# send them, or as a whole where it is another, as with an ID that is empty. One search over
# all of them takes half the time of reading their lines. Line ends too many are left out.
_blocks: Final[Callable[[str], list[tuple[str, str, str, str]]]] = re.compile(
    r"(?:(?:event: ?(.*)\n)?(?:id: ?([^ \n\0][^\n\0]*)\n)?data: ?(.*)"
    r"|((?:[^\n]++|\n(?!\n))++))(?:\n\n|\Z)"
).findall

# As a number it is found in a third of the time.
_CR: Final = 0x0D

# How much of an event is kept unread.
_KEPT: Final = 64 * 1024


# A tuple, as a stream may bring a million of them: making a frozen dataclass would take
# longer than all the parsing.
class ServerSentEvent(NamedTuple):
    """One event of a stream; immutable."""

    event: str = "message"
    """Its type."""
    data: str = ""
    """Its data; lines are separated by LF."""
    id: str = ""
    """The last event ID of the stream when it was sent; "" when there is none."""
    retry: int | None = None
    """The milliseconds to wait before reconnecting, where this event sets them."""


# Takes half as long as the constructor does.
_made: Callable[[type[ServerSentEvent], _Parts], ServerSentEvent] = vars(tuple)[
    "__new__"
]


class EventParser:
    r"""Parses the bytes of one stream, in any division, into its events.

    An event is given at the empty line that ends it: one that the end of the stream cuts
    off is not. One without a `data` field is not given either, but its `id` and `retry`
    count.

    Args:
        max_event_bytes: The largest event to accept, counted as its `data` lines are
            sent, and the largest line of any kind.
        last_event_id: What the stream goes on from; browsers keep it when they
            reconnect, although the standard's parser begins without.

    Attributes:
        last_event_id: The ID of the last event that was returned, to ask for what follows
            it.
        retry: The milliseconds that the server wants to pass before a reconnection, once
            it said so.

    Example:
        >>> [event.data for event in EventParser().feed(b"data: 1\n\ndata: 2\r\r")]
        ['1', '2']
    """

    __slots__ = (
        "_after_cr",
        "_bound",
        "_data",
        "_differs",
        "_event",
        "_head",
        "_id",
        "_limit",
        "_looked",
        "_rest",
        "_retry",
        "_size",
        "last_event_id",
        "retry",
    )

    last_event_id: str
    retry: int | None

    def __init__(
        self, *, max_event_bytes: int = MAX_LINE_BYTES, last_event_id: str = ""
    ) -> None:
        check_limit("max_event_bytes", max_event_bytes)
        self.last_event_id = last_event_id
        self.retry = None
        self._limit = max_event_bytes
        self._bound = min(max_event_bytes, _KEPT)
        self._head = Head()
        self._after_cr = False
        self._differs = True  # what comes next may need more than its CRs replaced
        # What belongs to no event yet, its lines ended by LF.
        self._rest = bytearray()
        self._looked = 0  # how far there is no line end in it but the first byte
        # Of the event that is being read; `_id` outlives it.
        self._event = ""
        self._data: list[str] = []
        self._size = 0
        self._retry: int | None = None
        self._id = last_event_id

    def feed(self, data: bytes) -> Iterable[ServerSentEvent]:
        """Return the events that end in `data`, to be read before more is fed.

        Raises:
            HTTPResponseTooLargeError: An event or a line is above the limit; while
                reading the events when others come before it. The parser is of no more
                use then.
        """
        if self._differs or _CR in data:
            data = self._with_lf(data)
        if not self._rest and data.endswith(b"\n\n"):  # of a live stream most chunks do
            return self._events_of(data[:-2])
        whole = self._completed_by(data)
        if whole is None:
            self._read_ahead()
            return ()
        # A line end, or nothing before the empty line, is left of what was read ahead.
        ahead = not whole or whole.startswith(b"\n")
        events = self._of_large(whole) if ahead else self._events_of(whole)
        if len(self._rest) > self._bound:
            return self._and_read_ahead(events)
        return events

    def close(self) -> None:
        """Take note that nothing follows: of what is left, a `retry` counts."""
        lines = self._rest.split(b"\n")[:-1]
        for line in lines:
            if line.startswith(b"retry"):
                self._read(line.decode("utf-8", "replace"))
        self._rest.clear()

    def _with_lf(self, data: bytes) -> bytes:
        """Return `data` with LF for every line end."""
        if not self._head.passed:
            data = self._head.strip(data)
        if self._after_cr and data:
            self._after_cr = False
            data = data.removeprefix(b"\n")
        if _CR in data:
            self._after_cr = data.endswith(b"\r")
            data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        self._differs = self._after_cr or not self._head.passed
        return data

    def _completed_by(self, data: bytes) -> bytes | None:
        """Keep `data`, and take out all before the last empty line, if there is one."""
        rest = self._rest
        before = len(rest)
        # From the last byte of the rest on: every byte is looked at once.
        rest += data
        end = rest.rfind(b"\n\n", max(0, before - 1))
        if end < 0:
            return None
        self._looked = 0
        whole = bytes(rest[:end])
        del rest[: end + 2]
        return whole

    def _events_of(self, whole: bytes) -> Iterable[ServerSentEvent]:
        """Return the events of whole blocks, the end of the last one left out."""
        if self._size or len(whole) > self._limit:
            return self._of_large(whole)
        # Line ends never lie within a character, so that all can be decoded at once.
        text = whole.decode("utf-8", "replace")
        if text.startswith("data: "):
            if "\n" not in text:  # one event, as a live stream has it in each chunk
                return (_made(ServerSentEvent, ("message", text[6:], self._id, None)),)
            if plain := self._of_one_line_each(text):
                return plain
        events: list[ServerSentEvent] = []
        given = self._id
        for kind, changed, data, other in _blocks(text):
            if other:
                self._id = given
                events += self._of_block(other)
                given = self._id
            else:
                given = changed or given
                parts = (kind or "message", data, given, None)
                events.append(_made(ServerSentEvent, parts))
        self._id = self.last_event_id = given
        return events

    def _of_one_line_each(self, text: str) -> list[ServerSentEvent]:
        """Return the events, where each is a line of data; else nothing."""
        events: list[ServerSentEvent] = []
        given = self._id
        for data in text[6:].split("\n\ndata: "):
            if "\n" in data:
                return []
            events.append(_made(ServerSentEvent, ("message", data, given, None)))
        return events

    def _of_block(self, block: str) -> Iterable[ServerSentEvent]:
        for line in block.split("\n"):
            self._read(line)
        event = self._dispatched()
        return () if event is None else (event,)

    def _and_read_ahead(
        self, events: Iterable[ServerSentEvent]
    ) -> Iterator[ServerSentEvent]:
        yield from events
        self._read_ahead()

    def _of_large(self, whole: bytes) -> Iterator[ServerSentEvent]:
        """Yield the events of what may be above the limit, line by line."""
        # The first line end may be the one that `_read_ahead` left.
        for line in whole.removeprefix(b"\n").split(b"\n"):
            if line:
                self._read_within_limit(line)
            elif event := self._dispatched():
                yield event
        if event := self._dispatched():
            yield event

    def _read_ahead(self) -> None:
        """Read what is there of the lines of an event, once it is much, or refuse it.

        So that comments, which may come for hours without an empty line, are not kept.
        """
        rest = self._rest
        if len(rest) + self._size <= self._bound:
            return
        end = rest.rfind(b"\n", self._looked)
        if end >= 0:
            for line in bytes(rest[:end]).split(b"\n"):
                if line:
                    self._read_within_limit(line)
            del rest[:end]  # and leave the line end: with another it is an empty line
        self._looked = len(rest)
        if len(rest) - rest.startswith(b"\n") > self._limit:
            raise self._too_long()

    def _read_within_limit(self, line: bytes) -> None:
        if line.startswith(b"data:") or line == b"data":
            self._size += len(line)
        if max(self._size, len(line)) > self._limit:
            raise self._too_long()
        self._read(line.decode("utf-8", "replace"))

    def _read(self, line: str) -> None:
        name, _, value = line.partition(":")
        if value[:1] == " ":  # a third of what `removeprefix` takes
            value = value[1:]
        if name == "event":
            self._event = value
        elif name == "data":
            self._data.append(value)
        elif name == "id":
            if "\0" not in value:
                self._id = value
        elif (
            name == "retry"
            and value.isascii()
            and value.isdigit()
            and len(value) <= _MAX_RETRY_DIGITS
        ):
            self.retry = self._retry = int(value)

    def _dispatched(self) -> ServerSentEvent | None:
        """Do what an empty line asks for; return the event, if there is one."""
        self.last_event_id = self._id
        lines = self._data
        made = None
        if lines:
            data = lines[0] if len(lines) == 1 else "\n".join(lines)
            parts = (self._event or "message", data, self._id, self._retry)
            made = _made(ServerSentEvent, parts)
            lines.clear()
            self._size = 0
        self._event = ""
        self._retry = None
        return made

    def _too_long(self) -> HTTPResponseTooLargeError:
        return too_long("event", self._limit, "max_event_bytes")
