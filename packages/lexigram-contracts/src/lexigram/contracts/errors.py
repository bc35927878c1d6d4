"""The root of every error that lexigram raises on purpose."""

from __future__ import annotations

from typing import Any, ClassVar

__all__ = ["LexigramError"]


class LexigramError(Exception):
    """An error with a stable `code`, safe to pickle, copy, log and show.

    Subclasses take what they know as keyword arguments and keep it in attributes.
    """

    code: ClassVar[str] = "lexigram.error"

    def __reduce__(self) -> tuple[Any, ...]:
        # The default calls `cls(*args)`, which fails for keyword-only constructors.
        return _restore, (type(self), self.args, self.__dict__.copy())


def _restore(
    cls: type[LexigramError], args: tuple[object, ...], state: dict[str, object]
) -> LexigramError:
    error = cls.__new__(cls, *args)
    # An OSError takes its arguments in `__init__`, which is not called here.
    error.args = args
    error.__dict__.update(state)
    return error
