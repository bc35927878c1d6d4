"""JSON: parsed values that can be read both ways the documents show them.

The standard library's parser is imported when it is first needed, as it is a tenth of
what importing the contracts may cost.
"""

from __future__ import annotations

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
    import json  # noqa: PLC0415 - see above

    return wrap(json.loads(body))


def dump(value: Any) -> bytes:
    """Return `value` as compact JSON in UTF-8.

    Raises:
        TypeError: There is no JSON for a part of it.
        ValueError: A number is not finite, or the value contains itself.
    """
    import json  # noqa: PLC0415 - see above

    return json.dumps(
        value, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    ).encode()


def wrap(value: Any) -> Any:
    """Return `value`, its outermost dict or list made callable."""
    if isinstance(value, dict):
        return JSONObject(value)
    if isinstance(value, list):
        return JSONArray(value)
    return value
