"""Events with fields, on the standard library's loggers."""

from __future__ import annotations

import logging
from logging import CRITICAL, DEBUG, ERROR, INFO, WARNING
from typing import Any

from lexigram.logging._context import context_fields

__all__ = ["FIELDS", "Logger", "get_logger"]

FIELDS = "fields"
"""The attribute of a log record that holds the keyword fields, as one mapping.

One place, so that any formatter finds them and no field's name collides with an
attribute that records have already.
"""


class Logger:
    """Logs an event's name and its fields to the standard library's logger."""

    __slots__ = ("_is_enabled_for", "_logger")

    def __init__(self, logger: logging.Logger) -> None:
        self._logger = logger
        # Looked up once: what is not logged costs little more than this one call.
        self._is_enabled_for = logger.isEnabledFor

    def __repr__(self) -> str:
        return f"Logger({self._logger.name!r})"

    def debug(self, event: str, /, **fields: Any) -> None:
        """Log what helps to follow the program's course."""
        if self._is_enabled_for(DEBUG):
            self._log(DEBUG, event, fields)

    def info(self, event: str, /, **fields: Any) -> None:
        """Log what happens as it should."""
        if self._is_enabled_for(INFO):
            self._log(INFO, event, fields)

    def warning(self, event: str, /, **fields: Any) -> None:
        """Log what somebody should look at."""
        if self._is_enabled_for(WARNING):
            self._log(WARNING, event, fields)

    def error(self, event: str, /, **fields: Any) -> None:
        """Log what failed."""
        if self._is_enabled_for(ERROR):
            self._log(ERROR, event, fields)

    def critical(self, event: str, /, **fields: Any) -> None:
        """Log what the program cannot go on from."""
        if self._is_enabled_for(CRITICAL):
            self._log(CRITICAL, event, fields)

    def exception(self, event: str, /, **fields: Any) -> None:
        """Log what failed, with the exception being handled."""
        if self._is_enabled_for(ERROR):
            self._log(ERROR, event, fields, exc_info=True)

    def _log(
        self, level: int, event: str, fields: dict[str, Any], *, exc_info: bool = False
    ) -> None:
        extra = {FIELDS: {**context_fields(), **fields}}
        # The event is no format: a "%" in it stays one, since there are no args.
        self._logger.log(level, event, exc_info=exc_info, extra=extra, stacklevel=3)


def get_logger(name: str) -> Logger:
    """Return the logger of this name.

    Example:
        ```python
        log = get_logger(__name__)
        log.info("invoice.sent", invoice_id="inv_1")
        ```
    """
    return Logger(logging.getLogger(name))
