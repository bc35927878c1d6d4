"""A log record as an event: a name and fields."""

from __future__ import annotations

import logging
import sys
import traceback
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeGuard, cast

__all__ = ["LoggedEvent", "texts_in"]

# What `lexigram.logging` keeps keyword fields under; its name is part of its API.
_FIELDS: Final = "fields"

_STANDARD: Final = frozenset(
    (*logging.makeLogRecord({}).__dict__, "message", "asctime", "taskName", _FIELDS)
)

# What structlog leaves on a record for its own formatter.
_STRUCTLOG: Final = frozenset({"_logger", "_name", "_from_structlog", "_record"})


@dataclass(frozen=True, slots=True)
class LoggedEvent:
    """One log record, as what it says.

    Attributes:
        name: The event: the message, formatted.
        level: The number of its level.
        logger: The name of the logger.
        fields: What `extra` held, and the keyword fields of `lexigram.logging`.
        exc_text: The traceback as text; empty when there is none.
    """

    name: str
    level: int
    logger: str
    fields: Mapping[str, Any]
    exc_text: str = ""

    @classmethod
    def of(cls, record: logging.LogRecord) -> LoggedEvent:
        """Read a record, whichever library wrote it."""
        name, fields = record.getMessage(), _extra(record)
        message: object = record.msg
        if _is_mapping(message):
            # structlog hands its whole event to a formatter, as a mapping.
            event = {str(key): value for key, value in message.items()}
            name = str(event.pop("event", name))
            fields = {k: v for k, v in fields.items() if k not in _STRUCTLOG} | event
        text = _traceback(record, record.exc_info or fields.pop("exc_info", None))
        return cls(name, record.levelno, record.name, fields, text)

    def has(self, level: int | None, fields: Mapping[str, object]) -> bool:
        """Say whether it has the level and these fields among others, by `==`."""
        return (level is None or level == self.level) and all(
            name in self.fields and bool(value == self.fields[name])
            for name, value in fields.items()
        )

    def texts(self) -> Iterator[tuple[str, str]]:
        """Yield all text in it, each with the place where it stands."""
        yield "the message", self.name
        for name, value in self.fields.items():
            for text in texts_in(value):
                yield f"field {name!r}", text
            yield "a field's name", name
        yield "the traceback", self.exc_text

    def __str__(self) -> str:
        fields = "".join(f" {name}={value!r}" for name, value in self.fields.items())
        error = f" [{self.exc_text.splitlines()[-1]}]" if self.exc_text else ""
        return f"{logging.getLevelName(self.level)} {self.name}{fields}{error}"


def texts_in(value: object) -> Iterator[str]:
    """Yield all text that a renderer could make of a value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, bytes | bytearray):
        yield bytes(value).decode(errors="replace")
    elif _is_mapping(value):
        for pair in value.items():
            yield from texts_in(pair)
    elif _is_collection(value):
        for item in value:
            yield from texts_in(item)
    else:
        yield str(value)
        yield repr(value)


# Checkers take the items of what `isinstance` finds for unknown.
def _is_mapping(value: object) -> TypeGuard[Mapping[object, object]]:
    return isinstance(value, Mapping)


def _is_collection(value: object) -> TypeGuard[Collection[object]]:
    return isinstance(value, list | tuple | set | frozenset)


def _extra(record: logging.LogRecord) -> dict[str, Any]:
    extra = {key: value for key, value in vars(record).items() if key not in _STANDARD}
    return {**extra, **(getattr(record, _FIELDS, None) or {})}


def _traceback(record: logging.LogRecord, exc_info: object) -> str:
    text = _formatted(exc_info) or record.exc_text or ""
    return "\n".join(filter(None, [text, record.stack_info]))


def _formatted(exc_info: object) -> str:
    """Return the traceback of what `exc_info` may be: True, a triple, an exception."""
    error = sys.exception() if exc_info is True else exc_info
    if isinstance(error, tuple):
        _, error, _ = cast("tuple[object, object, object]", error)
    if not isinstance(error, BaseException):
        return ""
    return "".join(traceback.format_exception(error)).rstrip("\n")
