"""From the bytes of a response to a typed value."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from pydantic import TypeAdapter

if TYPE_CHECKING:
    # Only checkers need it: annotations stay strings at run time.
    from typing_extensions import TypeForm

T = TypeVar("T")


def json_as(form: TypeForm[T]) -> Callable[[bytes], T]:
    """Make a decoder of JSON into any type that pydantic knows.

    Make it once and keep it: building the validator costs more than using it.

    Example:
        >>> from lexigram.contracts.web import HttpResponse
        >>> numbers = json_as(list[int])
        >>> HttpResponse(200, json=[1, 2]).decode(numbers)
        [1, 2]
    """
    adapter: TypeAdapter[T] = TypeAdapter(form)
    return adapter.validate_json
