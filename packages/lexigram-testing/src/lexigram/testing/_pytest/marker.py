"""The marker `lexigram_http(strict=…, base_url=…)`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, TypedDict, get_args

import pytest

from lexigram.contracts.suggestions import did_you_mean
from lexigram.contracts.web import HTTPInvalidRequestError, check_url
from lexigram.testing._routing.verification import Strictness

__all__ = [
    "MARKER",
    "HTTPOptions",
    "check_strictness",
    "options_of",
    "problems_of",
    "strictness_of",
]

MARKER: Final = "lexigram_http"
_LEVELS: Final = get_args(Strictness)


class HTTPOptions(TypedDict, total=False):
    """What the marker may say."""

    strict: Strictness
    """What the end of the test verifies."""
    base_url: str
    """What a URL that is a path is relative to; `fake_http` only."""


def options_of(item: pytest.Item) -> HTTPOptions:
    """Return what the markers of a test say; those nearest to it win."""
    options: HTTPOptions = {}
    for marker in reversed(list(item.iter_markers(MARKER))):
        options.update(marker.kwargs)  # type: ignore[typeddict-item]  # checked when collected
    return options


def strictness_of(item: pytest.Item) -> Strictness:
    """Return what the end of a test verifies: as its marker says, or the ini file."""
    usual: Strictness = item.config.getini("lexigram_http_strict")
    return options_of(item).get("strict", usual)


def problems_of(item: pytest.Item) -> Iterator[str]:
    """Say what is wrong with the markers of a test."""
    for marker in item.iter_markers(MARKER):
        if marker.args:
            yield f"@pytest.mark.{MARKER} takes keywords only, not {marker.args!r}."
        for name, value in marker.kwargs.items():
            if problem := _problem(name, value):
                yield problem


def check_strictness(name: str, value: object) -> str:
    """Say why a value is no strictness; empty when it is one."""
    if value in _LEVELS:
        return ""
    levels = ", ".join(map(repr, _LEVELS))
    return f"{name}={value!r} is unknown. Use one of {levels}."


def _problem(name: str, value: Any) -> str:
    where = f"@pytest.mark.{MARKER}"
    if name == "strict":
        return check_strictness(f"{where}: strict", value)
    if name != "base_url":
        return f"{where} has no {name!r}. {did_you_mean(name, HTTPOptions.__annotations__)}"
    if not isinstance(value, str):
        return f"{where}: base_url={value!r} is not a string."
    try:
        check_url(value)
    except HTTPInvalidRequestError as error:
        return f"{where}: {error}"
    return ""
