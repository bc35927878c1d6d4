"""Parsed JSON that can be read both ways the documents show it."""

from __future__ import annotations

import json
from typing import Any, Self

__all__ = ["JSONArray", "JSONObject"]


class JSONObject(dict[str, Any]):
    """A JSON object: a real dict that also answers `await response.json()`."""

    __slots__ = ()

    async def __call__(self) -> Self:
        """Return this object."""
        return self


class JSONArray(list[Any]):
    """A JSON array: a real list that also answers `await response.json()`."""

    __slots__ = ()

    async def __call__(self) -> Self:
        """Return this array."""
        return self


def parse(body: bytes | str) -> Any:
    """Parse a JSON text; objects and arrays come as `JSONObject` and `JSONArray`.

    Raises:
        ValueError: The text is not JSON, or its bytes are not text.
    """
    return wrap(json.loads(body))


def wrap(value: Any) -> Any:
    """Return `value`, its outermost dict or list made callable."""
    if isinstance(value, dict):
        return JSONObject(value)
    if isinstance(value, list):
        return JSONArray(value)
    return value
