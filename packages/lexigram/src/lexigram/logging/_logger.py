"""Events with fields, on the standard library's loggers."""

from __future__ import annotations

import logging
from typing import Any

__all__ = ["FIELDS", "Logger", "get_logger"]

FIELDS = "fields"
"""The attribute of a log record that holds the keyword fields, as one mapping.

One place, so that any formatter finds them and no field's name collides with an
attribute that records have already.
"""


class Logger:
    """Logs an event's name and its fields to the standard library's logger."""

    __slots__ = ("_logger",)

    def __init__(self, logger: logging.Logger) -> None:
        self._logger = logger

    def __repr__(self) -> str:
        return f"Logger({self._logger.name!r})"

    def debug(self, event: str, /, **fields: Any) -> None:
        """Log what helps to follow the program's course."""
        self._log(logging.DEBUG, event, fields)

    def info(self, event: str, /, **fields: Any) -> None:
        """Log what happens as it should."""
        self._log(logging.INFO, event, fields)

    def warning(self, event: str, /, **fields: Any) -> None:
        """Log what somebody should look at."""
        self._log(logging.WARNING, event, fields)

    def error(self, event: str, /, **fields: Any) -> None:
        """Log what failed."""
        self._log(logging.ERROR, event, fields)

    def critical(self, event: str, /, **fields: Any) -> None:
        """Log what the program cannot go on from."""
        self._log(logging.CRITICAL, event, fields)

    def exception(self, event: str, /, **fields: Any) -> None:
        """Log what failed, with the exception being handled."""
        self._log(logging.ERROR, event, fields, exc_info=True)

    def _log(
        self, level: int, event: str, fields: dict[str, Any], *, exc_info: bool = False
    ) -> None:
        if self._logger.isEnabledFor(level):
            # The event is no format: a "%" in it stays one, since there are no args.
            self._logger.log(
                level, event, exc_info=exc_info, extra={FIELDS: fields}, stacklevel=3
            )


def get_logger(name: str) -> Logger:
    """Return the logger of this name.

    Example:
        ```python
        log = get_logger(__name__)
        log.info("invoice.sent", invoice_id="inv_1")
        ```
    """
    return Logger(logging.getLogger(name))
