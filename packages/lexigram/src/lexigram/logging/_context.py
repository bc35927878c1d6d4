"""Fields that every record of a block carries."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType
from typing import Any, Final

__all__ = ["context_fields", "log_context"]

_NONE: Final[Mapping[str, Any]] = MappingProxyType({})
_fields: ContextVar[Mapping[str, Any]] = ContextVar("lexigram_log", default=_NONE)


@contextmanager
def log_context(**fields: Any) -> Generator[None, None, None]:
    """Add `fields` to every record that is logged inside the block.

    Tasks that are started inside keep them; other tasks do not see them. An inner block
    adds to an outer one, and a record's own field of a name hides the block's.

    Example:
        ```python
        with log_context(order="o1"):
            await charge(card)  # all that it logs says order=o1
        ```
    """
    before = _fields.get()
    _fields.set(MappingProxyType({**before, **fields}))
    try:
        yield
    finally:
        # Not by a token: an async generator may be closed in another context, where
        # there is nothing to take back.
        _fields.set(before)


def context_fields() -> Mapping[str, Any]:
    """Return the fields of the blocks around the caller, which cannot be changed."""
    return _fields.get()
