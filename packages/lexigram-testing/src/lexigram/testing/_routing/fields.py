"""Names and values, as a query and a form have them: each name once or repeated."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeGuard, cast
from urllib.parse import parse_qsl, urlsplit

from lexigram.contracts.web import build_request
from lexigram.testing._calls.literals import is_list, is_mapping
from lexigram.testing._calls.showing import grouped

__all__ = ["expected_fields", "same_fields", "same_values"]


def expected_fields(
    source: Mapping[str, object], pairs: Iterable[tuple[str, str]] = ()
) -> dict[str, object]:
    """Return what a client sends for these values, in the form of `grouped`.

    What no client can send, such as an object that compares in its own way, stays.
    """
    texts = list(pairs)
    objects: dict[str, object] = {}
    for name, value in source.items():
        if _is_sendable(value):
            texts += _sent(name, value)
        else:
            objects[name] = value
    return {**grouped(texts), **objects}


def same_fields(
    expected: Mapping[str, object], actual: Mapping[str, object], *, among: bool = False
) -> bool:
    """Compare fields; the order of a repeated one's values does not matter.

    Args:
        expected: By name. None, when others are allowed, stands for no such field.
        actual: By name.
        among: Whether there may be others.
    """
    if not among and expected.keys() != actual.keys():
        return False
    return all(same_value(value, actual.get(name)) for name, value in expected.items())


def same_values(expected: Any, actual: Any) -> bool:
    """Compare two sets of fields, or the values of one name in them."""
    if is_mapping(expected) and is_mapping(actual):
        return same_fields(expected, actual)
    return same_value(expected, actual)


def same_value(expected: Any, actual: Any) -> bool:
    """Compare the values of one name, the expected one on the left."""
    if _is_texts(expected) and _is_texts(actual):
        return sorted(expected) == sorted(actual)
    return bool(expected == actual)


def _is_texts(value: object) -> TypeGuard[list[str]]:
    return is_list(value) and all(isinstance(item, str) for item in value)


def _is_sendable(value: object) -> bool:
    if isinstance(value, list | tuple):
        items = cast("Iterable[object]", value)
        return all(isinstance(item, str | int | float) for item in items)
    return value is None or isinstance(value, str | int | float)


def _sent(name: str, value: Any) -> list[tuple[str, str]]:
    url = build_request("GET", "http://h/", {"params": {name: value}}).url
    return parse_qsl(urlsplit(url).query, keep_blank_values=True)
