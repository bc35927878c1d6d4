"""pydantic's findings, each with the origin of the value it is about."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from lexigram.config._environment import variable_of
from lexigram.config._fields import fields_below
from lexigram.config._layers import is_list, is_mapping
from lexigram.config._problems import ConfigProblem, Path, dotted, shown
from lexigram.config._sources import Sources
from lexigram.contracts.suggestions import did_you_mean

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

__all__ = ["problems_of"]


def problems_of(
    error: ValidationError, sources: Sources, reported: Collection[Path]
) -> Iterator[ConfigProblem]:
    """Yield what pydantic found, but for what was reported or follows from that."""
    lost = {path for layer in sources.layers for path in layer.lost}
    for found in error.errors(include_url=False):
        path: Path = found["loc"]
        kind = found["type"]
        if kind == "extra_forbidden" and path in reported:
            continue
        if _follows(path, kind, lost):
            continue
        origin = "" if kind == "missing" else sources.setters(path)
        yield ConfigProblem(dotted(path), _message(found, path, sources), origin)


def _follows(path: Path, kind: str, lost: Collection[Path]) -> bool:
    """Say whether a finding comes from a value that could not be read."""
    if kind == "missing" and () in lost:
        return True
    ends = [(one, min(len(one), len(path))) for one in lost if one]
    return any(one[:end] == path[:end] for one, end in ends)


def _message(found: ErrorDetails, path: Path, sources: Sources) -> str:
    if found["type"] == "missing":
        variable = variable_of(path)
        return f"A value is required. Set ${variable}, or the key in application.yaml."
    if found["type"] == "extra_forbidden":
        known = fields_below(sources.models[str(path[0])], path[1:-1])
        return f"Unknown key. {did_you_mean(str(path[-1]), known or ())}"
    value = found["input"]
    message = found["msg"].removeprefix("Value error, ").rstrip(".")
    message = _hide(message, path, value, sources)
    if is_mapping(value):
        return f"{message}."
    return f"{message}, got {shown(value, hidden=sources.hides(path))}."


def _hide(message: str, path: Path, value: Any, sources: Sources) -> str:
    """Take out of a validator's own words what may not be shown."""
    if is_mapping(value):
        for key, inner in value.items():
            message = _hide(message, (*path, str(key)), inner, sources)
    elif is_list(value):
        for index, inner in enumerate(value):
            message = _hide(message, (*path, index), inner, sources)
    elif isinstance(value, str) and value:
        safe = shown(value, hidden=sources.hides(path))
        if safe != repr(value):
            message = message.replace(value, safe.strip("'\""))
    return message
