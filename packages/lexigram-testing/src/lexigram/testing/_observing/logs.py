"""A capture of the log to ask afterwards."""

from __future__ import annotations

import difflib
import logging
from collections.abc import Callable
from types import TracebackType
from typing import Final, Self
from urllib.parse import quote

from lexigram.contracts.redaction import REDACTED
from lexigram.testing._observing.events import LoggedEvent
from lexigram.testing._observing.loggers import family, listen

__all__ = ["LogCapture"]

_SHOWN: Final = 30


class LogCapture:
    """What a logger, and those below it, log within a `with` block.

    Everything from `level` on is captured, however the process' logging is configured,
    and even where it is switched off. Other handlers stay where they are, and get what
    their own levels let through. Captures may be nested and overlap, in any tasks; each
    one sees what the whole process logs. What a library writes past `logging`, as
    structlog does unless it is told otherwise, is not seen.

    Args:
        logger: The name of the logger; "" for all.
        level: The least severe level that is captured, as a number or name.

    Example:
        >>> with LogCapture("shop") as logs:
        ...     logging.getLogger("shop.cart").info("cart.filled", extra={"items": 2})
        >>> logs.assert_logged("cart.filled", items=2).logger
        'shop.cart'
    """

    def __init__(
        self, logger: str = "lexigram", *, level: int | str = logging.DEBUG
    ) -> None:
        self._name = logger
        self._level = _level_of(level)
        self._handler: _Handler = _Handler(self._level)
        self._call_off: Callable[[], None] | None = None

    def __enter__(self) -> Self:
        if self._call_off is not None:
            raise RuntimeError(
                "This LogCapture is capturing already. Make another one for a block "
                "within the block."
            )
        self._call_off = listen(family(self._name), self._handler)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._call_off is not None:
            self._call_off()
            self._call_off = None

    def __repr__(self) -> str:
        return f"<LogCapture of {self._name!r}, {len(self.records)} records>"

    @property
    def records(self) -> list[logging.LogRecord]:
        """The records, in order."""
        return [record for record, _ in self._handler.kept]

    @property
    def events(self) -> list[LoggedEvent]:
        """The records as events: what each of them says."""
        return [event for _, event in self._handler.kept]

    def clear(self) -> None:
        """Forget what was captured up to now."""
        self._handler.kept.clear()

    def assert_logged(
        self, name: str, /, *, level: int | str | None = None, **fields: object
    ) -> LoggedEvent:
        """Return the first event of this name that has the level and the fields.

        Fields are compared by `==` with the expected value on the left; others may be
        there as well.

        Raises:
            AssertionError: There is none; lists what was logged.
        """
        found = self._find(name, level, fields)
        if found:
            return found[0]
        raise AssertionError(
            f"{_wanted(name, level, fields)} was not logged. {self._report(name)}"
        )

    def assert_not_logged(
        self, name: str, /, *, level: int | str | None = None, **fields: object
    ) -> None:
        """Require that there is no such event.

        Raises:
            AssertionError: There is one; lists what was logged.
        """
        if self._find(name, level, fields):
            raise AssertionError(
                f"{_wanted(name, level, fields)} was logged. {self._report(name)}"
            )

    def assert_no_secret(self, *secrets: str) -> None:
        """Require that none of these texts was logged, as it is or percent-encoded.

        Messages are searched, fields however nested, and tracebacks.

        Raises:
            AssertionError: One was; says where, and does not repeat it.
            ValueError: There is no secret, or an empty one, to search for.
        """
        if not secrets or not all(secrets):
            raise ValueError(
                "There is nothing to search for. Give the secrets that the code under "
                "test was given, none of them empty."
            )
        leaks = [
            f"\n  secret {number} of {len(secrets)} in {place} of "
            f"{event.name} ({event.logger})"
            for event in self.events
            for number, secret in enumerate(secrets, start=1)
            for place in _places(event, secret)
        ]
        if leaks:
            found = "".join(_without(secrets, leak) for leak in leaks)
            raise AssertionError(f"The log holds a secret:{found}")

    def _find(
        self, name: str, level: int | str | None, fields: dict[str, object]
    ) -> list[LoggedEvent]:
        number = None if level is None else _level_of(level)
        named = [event for event in self.events if event.name == name]
        return [event for event in named if event.has(number, fields)]

    def _report(self, name: str) -> str:
        events = self.events
        if not events:
            return f"Nothing was, by {self._name!r} or a logger below it."
        names = {event.name for event in events}
        near = difflib.get_close_matches(name, names - {name}, n=1)
        hint = f"Did you mean {near[0]!r}? " if near and name not in names else ""
        lines = [f"\n  {event}" for event in events[:_SHOWN]]
        if (more := len(events) - _SHOWN) > 0:
            lines.append(f"\n  … and {more} more.")
        return f"{hint}The log:{''.join(lines)}"


class _Handler(logging.Handler):
    def __init__(self, level: int) -> None:
        super().__init__(level)
        self.kept: list[tuple[logging.LogRecord, LoggedEvent]] = []

    def emit(self, record: logging.LogRecord) -> None:
        # Read at once: what fields refer to may change later. An error in a message's
        # format passes through: it is one of the code under test.
        self.kept.append((record, LoggedEvent.of(record)))


def _level_of(level: int | str) -> int:
    if isinstance(level, int):
        return level
    known = logging.getLevelNamesMapping()
    if level.upper() not in known:
        raise ValueError(
            f"{level=!r} is no level. Use a number, or one of {', '.join(known)}."
        )
    return known[level.upper()]


def _wanted(name: str, level: int | str | None, fields: dict[str, object]) -> str:
    words = [] if level is None else [logging.getLevelName(_level_of(level))]
    return " ".join(
        [*words, name, *(f"{key}={value!r}" for key, value in fields.items())]
    )


def _places(event: LoggedEvent, secret: str) -> dict[str, None]:
    """Return the places that hold the secret, each once."""
    return dict.fromkeys(
        place
        for place, text in event.texts()
        if any(form in text for form in _forms(secret))
    )


def _forms(secret: str) -> tuple[str, str]:
    return secret, quote(secret, safe="")


def _without(secrets: tuple[str, ...], text: str) -> str:
    # The longest first: one secret may be a part of another.
    forms = {form for secret in secrets for form in _forms(secret)}
    for form in sorted(forms, key=len, reverse=True):
        text = text.replace(form, REDACTED)
    return text
