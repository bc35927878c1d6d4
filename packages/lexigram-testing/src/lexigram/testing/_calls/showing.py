"""Values in messages: short, and without secrets."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeGuard

from lexigram.contracts.redaction import REDACTED, is_secret_name
from lexigram.testing._calls.requests import RecordedRequest

__all__ = ["hide", "place", "show", "show_body", "show_params"]

_LONGEST = 200
_PACKAGE = "lexigram.testing."


def show(value: object) -> str:
    """Return the redacted repr of a value, cut when it is long."""
    text = repr(hide(value))
    if len(text) <= _LONGEST:
        return text
    return f"{text[:_LONGEST]}… ({len(text)} characters)"


def show_body(request: RecordedRequest) -> str:
    """Return a request's body: as JSON when it is JSON, else as bytes."""
    if not request.body:
        return "no body"
    try:
        return show(request.json)
    except ValueError:
        return f"{show(request.body)}, which is not JSON"


def show_params(pairs: Iterable[tuple[str, str]]) -> str:
    """Return a query as a dict that `params=` takes."""
    grouped: dict[str, Any] = {}
    for name, value in pairs:
        before = grouped.get(name)
        if before is None:
            grouped[name] = value
        else:
            grouped[name] = (
                [*before, value] if type(before) is list else [before, value]
            )
    return show(grouped)


def hide(value: object) -> object:
    """Return a value with what is under secret-looking names replaced."""
    if _is_mapping(value):
        return {
            name: REDACTED if is_secret_name(str(name)) else hide(inner)
            for name, inner in value.items()
        }
    return [hide(inner) for inner in value] if _is_list(value) else value


def _is_mapping(value: object) -> TypeGuard[Mapping[Any, Any]]:
    return isinstance(value, Mapping)


def _is_list(value: object) -> TypeGuard[list[Any]]:
    return isinstance(value, list)


def place() -> str:
    """Return where the code outside of this package is now, as "file:line"."""
    frame = inspect.currentframe()
    while frame and frame.f_globals.get("__name__", "").startswith(_PACKAGE):
        frame = frame.f_back
    if frame is None:  # an interpreter without frames
        return "unknown place"
    path = Path(frame.f_code.co_filename)
    here = Path.cwd()
    short = path.relative_to(here) if path.is_relative_to(here) else path
    return f"{short}:{frame.f_lineno}"
