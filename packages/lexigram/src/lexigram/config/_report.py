"""pydantic's findings, each with the origin of the value it is about."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any

from pydantic import ValidationError

from lexigram.config._layers import ABSENT, PREFIX, Layer, is_mapping
from lexigram.config._problems import ConfigProblem, Path, dotted, shown

__all__ = ["problems_of"]


def problems_of(
    error: ValidationError, layers: Sequence[Layer], reported: Collection[Path]
) -> Iterator[ConfigProblem]:
    """Yield what pydantic found, but for unknown keys that were reported already."""
    for found in error.errors(include_url=False):
        path: Path = found["loc"]
        if found["type"] == "extra_forbidden" and path in reported:
            continue
        if found["type"] == "missing":
            variable = PREFIX + "__".join(map(str, path)).upper()
            message = (
                f"A value is required. Set ${variable}, or the key in application.yaml."
            )
            yield ConfigProblem(dotted(path), message)
            continue
        message = found["msg"].removeprefix("Value error, ").rstrip(".")
        message = _hide(message, path, found["input"])
        if not is_mapping(found["input"]):
            message = f"{message}, got {shown(path, found['input'])}"
        yield ConfigProblem(dotted(path), f"{message}.", _origin(path, layers))


def _origin(path: Path, layers: Sequence[Layer]) -> str:
    """Return what set the value at `path`; of a mapping, what set its parts."""
    while path:
        for layer in layers:
            value = layer.at(path)
            if is_mapping(value):
                return ", ".join(dict.fromkeys(_parts(path, layers)))
            if value is not ABSENT:
                return layer.origin(path)
        path = path[:-1]
    return ""


def _parts(path: Path, layers: Sequence[Layer]) -> Iterator[str]:
    below = {
        inner
        for layer in layers
        for inner in layer.origins
        if inner[: len(path)] == path
    }
    for leaf in sorted(below - {inner[:-1] for inner in below}, key=str):
        yield next(one.origin(leaf) for one in layers if one.at(leaf) is not ABSENT)


def _hide(message: str, path: Path, value: Any) -> str:
    """Take out of a validator's own words what `shown` would not show."""
    if is_mapping(value):
        for key, inner in value.items():
            message = _hide(message, (*path, str(key)), inner)
    elif isinstance(value, str) and value and shown(path, value) != repr(value):
        message = message.replace(value, shown(path, value).strip("'\""))
    return message
