"""Log records as lines on stderr."""

from __future__ import annotations

import io
import logging
import sys
from collections.abc import Collection, MutableMapping
from typing import Any, TextIO

import structlog

from lexigram.contracts.redaction import redact_urls
from lexigram.logging._config import LoggingConfig
from lexigram.logging._context import context_fields
from lexigram.logging._logger import FIELDS
from lexigram.logging._redaction import redacted

__all__ = ["configure_logging", "is_logging_configured"]


class _Handler(logging.StreamHandler[Any]):
    """Ours, so that configuring again replaces it and nothing else."""


def configure_logging(config: LoggingConfig | None = None) -> None:
    """Show the process' log on stderr; other handlers are left alone.

    Called again, it replaces what it set up before.
    """
    config = config or LoggingConfig()
    handler = _Handler(sys.stderr)
    handler.setFormatter(_formatter(config))
    root = logging.getLogger()
    for other in [one for one in root.handlers if isinstance(one, _Handler)]:
        root.removeHandler(other)
    root.addHandler(handler)
    root.setLevel(config.level)


def is_logging_configured() -> bool:
    """Say whether somebody decided already where the process' log goes."""
    return bool(logging.getLogger().handlers)


def _formatter(config: LoggingConfig) -> logging.Formatter:
    stamp = structlog.processors.TimeStamper(fmt="iso", utc=True)
    last: list[structlog.types.Processor]
    if config.format == "json":
        last = [
            structlog.processors.format_exc_info,
            _without_urls,
            structlog.processors.JSONRenderer(),
        ]
    else:
        last = [
            _without_urls,
            structlog.dev.ConsoleRenderer(
                colors=sys.stderr.isatty(),
                # The default would print local variables, secrets among them.
                exception_formatter=_traceback,
            ),
        ]
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[
            stamp,
            structlog.stdlib.add_log_level,
            structlog.stdlib.add_logger_name,
            _Fields(config.shown),
        ],
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
    )


def _without_urls(
    _logger: Any, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Take secrets out of the URLs in messages and tracebacks, whoever wrote them."""
    for name in ("event", "exception", "stack"):
        if isinstance(event.get(name), str):
            event[name] = redact_urls(event[name])
    return event


def _traceback(file: TextIO, exception: structlog.typing.ExcInfo) -> None:
    text = io.StringIO()
    structlog.dev.plain_traceback(text, exception)
    file.write(redact_urls(text.getvalue()))


_STANDARD = frozenset(
    (*logging.makeLogRecord({}).__dict__, "message", "asctime", "taskName", FIELDS)
)


class _Fields:
    """Adds keyword fields, those of the block, and what else `extra` put on the record."""

    def __init__(self, shown: Collection[str]) -> None:
        self._shown = shown

    def __call__(
        self, _logger: Any, _method: str, event: MutableMapping[str, Any]
    ) -> MutableMapping[str, Any]:
        record: dict[str, Any] = event["_record"].__dict__
        extra = {key: value for key, value in record.items() if key not in _STANDARD}
        own: dict[str, Any] = record.get(FIELDS) or {}
        for key, value in {**context_fields(), **extra, **own}.items():
            # A field never hides what the line says of itself.
            name = f"{key}_" if key in event else key
            event[name] = redacted(key, value, self._shown)
        return event
