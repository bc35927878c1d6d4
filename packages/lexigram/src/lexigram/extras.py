"""What is said when a library is missing that an extra brings."""

from __future__ import annotations

from typing import ClassVar

from lexigram.contracts.errors import LexigramError

__all__ = ["MissingExtraError"]


class MissingExtraError(LexigramError, ImportError):
    """A part of lexigram is used whose extra is not installed.

    Attributes:
        extra: The name of the extra.
    """

    code: ClassVar[str] = "extra.missing"

    def __init__(self, part: str, extra: str, missing: ImportError) -> None:
        super().__init__(
            f"{part} needs {missing.name!r}, which is not installed. "
            f'Install it: pip install "lexigram[{extra}]".'
        )
        self.extra = extra
