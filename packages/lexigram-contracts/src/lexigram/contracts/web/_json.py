"""JSON: parsed values that can be read both ways the documents show them.

The standard library's parser is imported when it is first needed, as it is a tenth of
what importing the contracts may cost.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, Final, Self

__all__ = ["JSONArray", "JSONObject"]

_OPENING: Final = (b"{", b"[")


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


def loads(body: bytes | str) -> Any:
    """Parse a JSON text.

    Raises:
        ValueError: The text is not JSON, or its bytes are not text.
    """
    # Nearly every text is an object or an array in UTF-8 (RFC 8259 §8.1), for which
    # there is no need to guess. A NUL in its second place would be of UTF-16 or 32.
    if type(body) is bytes and body[:1] in _OPENING and body[1:2] != b"\0":
        body = body.decode("utf-8", "surrogatepass")
    return _codec()[0](body)


def dump(value: Any) -> bytes:
    """Return `value` as compact JSON in UTF-8.

    Raises:
        TypeError: There is no JSON for a part of it.
        ValueError: A number is not finite, or the value contains itself.
    """
    return _codec()[1](value).encode()


@cache
def _codec() -> tuple[Callable[[bytes | str], Any], Callable[[Any], str]]:
    import json  # noqa: PLC0415 - see above

    encoder = json.JSONEncoder(
        separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )
    return json.loads, encoder.encode


def wrap(value: Any) -> Any:
    """Return `value`, its outermost dict or list made callable."""
    if isinstance(value, dict):
        return JSONObject(value)
    if isinstance(value, list):
        return JSONArray(value)
    return value
