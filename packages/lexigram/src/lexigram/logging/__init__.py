"""Structured logging on the standard library's."""

import logging

from lexigram.logging._config import LoggingConfig
from lexigram.logging._context import context_fields, log_context
from lexigram.logging._logger import FIELDS, Logger, get_logger
from lexigram.logging._rendering import configure_logging, is_logging_configured

__all__ = [
    "FIELDS",
    "Logger",
    "LoggingConfig",
    "configure_logging",
    "context_fields",
    "get_logger",
    "is_logging_configured",
    "log_context",
]

# A library's log goes nowhere until somebody says where.
logging.getLogger("lexigram").addHandler(logging.NullHandler())
