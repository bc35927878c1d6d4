"""Targets: what arrives in pieces means the same in any division."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

from fuzzing.text import dice_of, divided, same_in_any_division, text_of

from lexigram.contracts.web import HTTPResponseTooLargeError
from lexigram.contracts.web.streaming import (
    EventParser,
    JSONSequenceSplitter,
    LineSplitter,
    TextDecoder,
)

_LIMIT: Final = 64


def sse(data: bytes) -> None:
    """Server-sent events, with and without a limit that they meet."""

    def read(chunks: Iterable[bytes]) -> tuple[Any, ...]:
        parser = EventParser()
        events = [event for chunk in chunks for event in parser.feed(chunk)]
        parser.close()
        return events, parser.last_event_id, parser.retry

    same_in_any_division(data, read, "events")
    _within_limit(EventParser(max_event_bytes=_LIMIT).feed, data)


def lines(data: bytes) -> None:
    """Lines, JSON text sequences, and text of a charset that the first line names."""

    def read_lines(chunks: Iterable[bytes]) -> list[bytes]:
        splitter = LineSplitter()
        found = [line for chunk in chunks for line in splitter.feed(chunk)]
        return [*found, *splitter.close()]

    def read_sequence(chunks: Iterable[bytes]) -> list[bytes]:
        splitter = JSONSequenceSplitter()
        found = [text for chunk in chunks for text in splitter.feed(chunk)]
        return [*found, *splitter.close()]

    def read_text(chunks: Iterable[bytes]) -> str:
        decoder = TextDecoder(charset)
        found = [decoder.decode(chunk) for chunk in chunks]
        return "".join([*found, decoder.decode(b"", final=True)])

    same_in_any_division(data, read_lines, "lines")
    same_in_any_division(data, read_sequence, "a JSON text sequence")
    name, _, rest = data.partition(b"\n")
    charset = text_of(name)
    if TextDecoder(charset).charset.startswith("iso2022"):
        read_text(divided(rest))  # Python's own make other errors of other divisions
    else:
        same_in_any_division(rest, read_text, f"text in {charset!r}")
    _within_limit(LineSplitter(_LIMIT).feed, data)
    _within_limit(JSONSequenceSplitter(_LIMIT).feed, data)


def _within_limit(feed: Callable[[bytes], Iterable[object]], data: bytes) -> None:
    """Read until the limit is met, which is the one thing that may be said of it."""
    try:
        for chunk in divided(data) if dice_of(data).random() < 0.5 else [data]:  # noqa: PLR2004 - a coin
            list(feed(chunk))
    except HTTPResponseTooLargeError:
        return
