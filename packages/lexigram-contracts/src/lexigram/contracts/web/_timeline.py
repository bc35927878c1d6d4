"""What became of each attempt of a call, as values and as text."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from lexigram.contracts.web._errors import RequestSent

__all__ = ["AttemptRecord", "format_timeline"]

_DOUBTS: Final[dict[RequestSent, str]] = {
    "no": " (not sent)",
    "maybe": " (maybe sent)",
    "yes": "",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptRecord:
    """One exchange of a call: what it came to, and what was decided after it.

    Redirects that were followed are exchanges too. The wording of `outcome` and
    `decision` is for people and no API.
    """

    number: int
    """Which exchange of the call it was, from 1."""
    method: str
    """The method that was sent, or would have been."""
    url: str
    """Where to, redacted."""
    started: float
    """When it began, in seconds from the start of the call."""
    duration: float
    """How long it took, in seconds, the wait for a connection included."""
    outcome: str
    """The status, or what failed: "503", "HTTPTimeoutError: read"."""
    request_sent: RequestSent
    """Whether the server may have seen it."""
    decision: str
    """What was decided after it, and why: "again in 0.12 s"."""


def format_timeline(records: Iterable[AttemptRecord]) -> str:
    """Return a line for each attempt, in columns; "" when there is none.

    Columns are the number, the request, when it began and how long it took, the
    outcome, and what was decided then.
    """
    rows = [_row(record) for record in records]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(_line(row, widths) for row in rows)


def _row(record: AttemptRecord) -> tuple[str, ...]:
    return (
        str(record.number),
        f"{record.method} {record.url}",
        f"at {record.started:.3f} s",
        f"took {record.duration:.3f} s",
        f"{record.outcome}{_DOUBTS[record.request_sent]}",
        record.decision,
    )


def _line(row: tuple[str, ...], widths: list[int]) -> str:
    cells = (text.ljust(width) for text, width in zip(row, widths, strict=True))
    return "  ".join(cells).rstrip()
