"""What a log line may show of a field."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final, cast

from lexigram.contracts.redaction import REDACTED, is_secret_name, redact_urls

__all__ = ["redacted"]

# Deeper than people read; a structure may hold itself.
_DEPTH: Final = 6
# What something is filed under: policies name an upstream by it. In a query it would be
# a credential, and so it is below the top.
_KEY: Final = "key"


def redacted(name: str, value: Any, shown: Collection[str] = ()) -> Any:
    """Return a field's value as a log may show it.

    The value of a name that looks like a secret's is replaced, at any depth; URLs within
    a text lose userinfo, query values and fragment. True, False and None tell nothing
    worth hiding.

    Args:
        name: The name of the field.
        value: What it holds; left as it is.
        shown: Names that look like a secret's and are none.
    """
    return _redacted("" if name == _KEY else name, value, shown, _DEPTH)


def _redacted(name: str, value: Any, shown: Collection[str], depth: int) -> Any:
    if value is None or isinstance(value, bool):
        return value
    if name not in shown and is_secret_name(name):
        return REDACTED
    if isinstance(value, str):
        return redact_urls(value)
    if isinstance(value, Mapping | list | tuple):
        return _members(cast("Any", value), shown, depth - 1) if depth else "..."
    return value


def _members(
    value: Mapping[Any, Any] | list[Any] | tuple[Any, ...],
    shown: Collection[str],
    depth: int,
) -> Any:
    if isinstance(value, Mapping):
        return {k: _redacted(str(k), v, shown, depth) for k, v in value.items()}
    return [_redacted("", one, shown, depth) for one in value]
