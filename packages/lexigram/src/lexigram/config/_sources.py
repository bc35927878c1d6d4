"""All layers of one configuration, and what may be shown of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from pydantic import BaseModel

from lexigram.config._fields import hint_at, is_secret_type
from lexigram.config._layers import ABSENT, Layer, is_mapping
from lexigram.config._problems import ConfigProblem, Path
from lexigram.contracts.redaction import is_secret_name

__all__ = ["Sources"]


@dataclass(frozen=True, slots=True)
class Sources:
    """What was set, where, by whom: the strongest layer first.

    Attributes:
        models: The model of each section.
    """

    models: Mapping[str, type[BaseModel]]
    layers: tuple[Layer, ...]

    @property
    def problems(self) -> list[ConfigProblem]:
        """What was wrong with the layers themselves."""
        return [problem for layer in self.layers for problem in layer.problems]

    def hides(self, path: Path) -> bool:
        """Say whether a value at `path` is a secret: by name, type or where it is from."""
        return (
            any(is_secret_name(str(part)) for part in path)
            or any(path in layer.confidential for layer in self.layers)
            or any(
                is_secret_type(hint_at(self.models[str(path[0])], path[1:end]))
                for end in range(2, len(path) + 1)
            )
        )

    def setter(self, path: Path) -> str:
        """Return what set the value that is in force at `path`; "" for a default."""
        opened = 0
        for layer in self.layers:
            end, value = layer.reach(path)
            if end == len(path):
                return layer.origin(path)
            if is_mapping(value):
                # It sets something beside the path, and replaces what is no mapping.
                opened = max(opened, end)
            elif end > opened:
                return layer.origin(path[:end])
        return ""

    def setters(self, path: Path) -> str:
        """Return what set the value at `path`; of a mapping, what set its parts."""
        while path:
            for layer in self.layers:
                value = layer.at(path)
                if is_mapping(value):
                    return ", ".join(dict.fromkeys(self._parts(path)))
                if value is not ABSENT:
                    return layer.origin(path)
            path = path[:-1]
        return ""

    def _parts(self, path: Path) -> Iterator[str]:
        below = {
            inner
            for layer in self.layers
            for inner in layer.origins
            if inner[: len(path)] == path
        }
        for leaf in sorted(below - {inner[:-1] for inner in below}, key=str):
            found = (one for one in self.layers if one.at(leaf) is not ABSENT)
            if layer := next(found, None):
                yield layer.origin(leaf)
