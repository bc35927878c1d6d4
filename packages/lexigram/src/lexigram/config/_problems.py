"""What is wrong with a configuration, all of it at once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, ClassVar

from lexigram.contracts.errors import LexigramError
from lexigram.contracts.redaction import REDACTED, redact_urls

__all__ = ["ConfigError", "ConfigProblem", "Path", "dotted", "shown"]

Path = tuple[str | int, ...]
"""Where a value stands, from its section down: ("http", "pool", "timeout")."""


@dataclass(frozen=True, slots=True)
class ConfigProblem:
    """One thing that is wrong.

    Attributes:
        key: What it is about: "http.pool.timeout".
        message: What is wrong and what to do; never a secret.
        origin: Where it was set: "file:line", "$VARIABLE", "Python", or empty.
    """

    key: str
    message: str
    origin: str = ""

    def __str__(self) -> str:
        key = f"{self.key}: " if self.key else ""
        return f"{key}{self.message}{f' ({self.origin})' if self.origin else ''}"


class ConfigError(LexigramError):
    """The configuration cannot be used.

    Attributes:
        problems: Everything that is wrong, of every section.
    """

    code: ClassVar[str] = "config.invalid"

    def __init__(self, problems: Iterable[ConfigProblem]) -> None:
        self.problems: tuple[ConfigProblem, ...] = tuple(problems)
        count = len(self.problems)
        lines = "".join(f"\n  {problem}" for problem in self.problems)
        super().__init__(
            f"The configuration has {count} problem{'s'[: count != 1]}.{lines}"
        )


def dotted(path: Path) -> str:
    """Return a path as it is written in reports."""
    return ".".join(map(str, path))


def shown(value: Any, *, hidden: bool = False) -> str:
    """Return a value as reports may show it."""
    if hidden:
        return REDACTED
    if isinstance(value, str):
        return repr(redact_urls(value))
    if isinstance(value, int | float | bool | None):
        return repr(value)
    # Anything larger may hold secrets of its own.
    return f"a {type(value).__name__}"
