"""What an answer is to a request for the rest of a file (RFC 9110 §13.1.5, §14).

No input or output here: header fields in, a decision out.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final, NamedTuple, TypeAlias

from lexigram.contracts.web import Headers

__all__ = [
    "Answer",
    "Asked",
    "Complete",
    "ContentRange",
    "Misfit",
    "Rest",
    "Unusable",
    "Whole",
    "read_answer",
    "read_content_range",
    "validator_of",
]

_PARTIAL: Final = 206
_UNSATISFIABLE: Final = 416
# With 203 a proxy changed something; it is the whole of what it gives all the same.
_WHOLE: Final = frozenset({200, 203})

# A strong one alone: a weak one stands for other bytes too (RFC 9110 §8.8.3). Named are
# the characters that it cannot have: to compile a class of all the others takes ten
# milliseconds of the import.
_STRONG_TAG: Final = re.compile(r'"[^\x00-\x20"\x7f]*"')
# Not `\d`, which takes other digits too; no file has more of them than these.
_RANGE: Final = re.compile(
    r"bytes[ \t]+(?:([0-9]{1,18})-([0-9]{1,18})|\*)/([0-9]{1,18}|\*)", re.IGNORECASE
)
_LENGTH: Final = re.compile(r"[0-9]{1,18}")


class ContentRange(NamedTuple):
    """Content-Range: which part of how much; the part is None with 416."""

    part: tuple[int, int] | None
    """Its first and last byte."""
    total: int | None
    """The size of the whole; None when it is not said."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked for: the bytes from `offset` on of what `validator` names."""

    offset: int
    validator: str
    total: int | None = None
    """The size of the whole, as it was said before."""


@dataclass(frozen=True, slots=True)
class Whole:
    """The body is the whole file."""

    total: int | None
    """Its size, when it is known."""
    validator: str | None
    """What to ask for the rest with, when that can be done."""


@dataclass(frozen=True, slots=True)
class Rest:
    """The body goes on where the part ends."""

    end: int
    """Where the body ends; that may be before the end of the file."""
    total: int | None


@dataclass(frozen=True, slots=True)
class Complete:
    """There is no more: the part is the whole file."""


@dataclass(frozen=True, slots=True)
class Misfit:
    """The answer does not fit the part, which is of no use then."""

    why: str


@dataclass(frozen=True, slots=True)
class Unusable:
    """The answer is neither a file nor a part of one."""


Answer: TypeAlias = Whole | Rest | Complete | Misfit | Unusable


def read_answer(status: int, headers: Headers, asked: Asked | None) -> Answer:
    """Return what an answer is to what was asked.

    Args:
        status: Below 400, or 416.
        headers: Its header fields.
        asked: The rest that was asked for; None for the whole.
    """
    if status in _WHOLE:
        return _whole(headers)
    if status == _PARTIAL:
        if asked is None:
            return Misfit("it is a part of a file, and the whole was asked for")
        return _rest(headers, asked)
    if status == _UNSATISFIABLE and asked is not None:
        said = read_content_range(headers.get("content-range", ""))
        if said is not None and said.part is None and said.total == asked.offset:
            return Complete()
        return Misfit("it says that there are no bytes there")
    return Unusable()


def read_content_range(value: str) -> ContentRange | None:
    """Return what Content-Range says; None when it says nothing that can be (§14.4)."""
    found = _RANGE.fullmatch(value.strip(" \t"))
    if found is None:
        return None
    first, last, total = found.groups()
    size = None if total == "*" else int(total)
    if first is None:
        return None if size is None else ContentRange(None, size)
    part = int(first), int(last)
    if part[0] > part[1] or (size is not None and part[1] >= size):
        return None
    return ContentRange(part, size)


def validator_of(headers: Headers) -> str | None:
    """Return what If-Range may hold: a strong ETag, else a strong Last-Modified.

    A date is strong when the response is at least a second younger (§8.8.2.2): before
    that the file may change again within the second that the date names.
    """
    tag = headers.get("etag")
    if tag is not None and _STRONG_TAG.fullmatch(tag):
        return tag
    modified = headers.get("last-modified", "")
    changed, said = _moment(modified), _moment(headers.get("date", ""))
    if changed is None or said is None or said - changed < timedelta(seconds=1):
        return None
    return modified


def _whole(headers: Headers) -> Whole:
    if _is_coded(headers):  # what arrives is decoded: other bytes, and as many
        return Whole(None, None)
    length = headers.get("content-length", "")
    total = int(length) if _LENGTH.fullmatch(length) else None
    return Whole(total, validator_of(headers))


def _rest(headers: Headers, asked: Asked) -> Rest | Misfit:
    said = read_content_range(headers.get("content-range", ""))
    if said is None or said.part is None:
        return Misfit("its Content-Range cannot be read")
    if said.part[0] != asked.offset:
        return Misfit(f"it begins at byte {said.part[0]}, not {asked.offset}")
    if asked.total is not None and said.total not in (None, asked.total):
        return Misfit(f"it is of {said.total} bytes, not of {asked.total}")
    if _is_coded(headers):
        return Misfit("it is coded")
    if _is_of_another(headers, asked.validator):
        return Misfit("it is of another version")
    return Rest(said.part[1] + 1, said.total if said.total is not None else asked.total)


def _is_of_another(headers: Headers, validator: str) -> bool:
    """Say whether an answer contradicts what its If-Range has asked for."""
    name = "etag" if validator.startswith('"') else "last-modified"
    return headers.get(name, validator) != validator


def _is_coded(headers: Headers) -> bool:
    codings = headers.get("content-encoding", "").lower().split(",")
    return any(coding.strip() not in {"", "identity"} for coding in codings)


def _moment(date: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(date)
    except (ValueError, OverflowError):
        return None
    # A form without a zone is UTC as well (§5.6.7), not the local time.
    return moment.replace(tzinfo=moment.tzinfo or UTC)
