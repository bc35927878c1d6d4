"""Which keys exist, and which of those that were set do not."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterator, Mapping

from pydantic import BaseModel

from lexigram.config._environment import variable_of
from lexigram.config._fields import fields_below, model_in
from lexigram.config._layers import PREFIX
from lexigram.config._problems import ConfigProblem, Path, dotted
from lexigram.config._sources import Sources
from lexigram.contracts.suggestions import did_you_mean

__all__ = ["OWN_VARIABLES", "unknown_keys", "unknown_sections"]

OWN_VARIABLES = ("profile", "config")
"""`LEX_PROFILE` and `LEX_CONFIG` say where to look; they are no section."""


def unknown_keys(sources: Sources) -> Iterator[tuple[Path, ConfigProblem]]:
    """Find keys that no model declares, also those that a stronger layer hides."""
    for layer in sources.layers:
        for path, origin in layer.origins.items():
            if len(path) == 1 or path[0] not in sources.models:
                continue
            fields = fields_below(sources.models[str(path[0])], path[1:-1])
            if fields is not None and path[-1] not in fields:
                message = f"Unknown key. {did_you_mean(str(path[-1]), fields)}"
                yield path, ConfigProblem(dotted(path), message, origin)


def unknown_sections(sources: Sources) -> Iterator[tuple[str, ConfigProblem | None]]:
    """Yield what names no section, with the problem where a section must be meant.

    A top-level key that resembles none may belong to the application itself.
    """
    known = list(sources.models)
    for layer in sources.layers:
        for key, origin in ((p[0], o) for p, o in layer.origins.items() if len(p) == 1):
            if key not in known:
                yield origin, _misspelt(str(key), known, origin)
    for variable in os.environ:
        if variable.upper().startswith(PREFIX):
            first = variable.lower().removeprefix(PREFIX.lower()).partition("__")[0]
            if first not in known and first not in OWN_VARIABLES:
                origin = f"${variable}"
                yield (
                    origin,
                    _misspelt(first, [*known, *OWN_VARIABLES], origin)
                    or _with_other_underscores(variable, sources.models),
                )


def _misspelt(name: str, known: list[str], origin: str) -> ConfigProblem | None:
    near = difflib.get_close_matches(name.lower(), known, n=1, cutoff=0.7)
    if not near:
        return None
    message = f"Unknown section. Did you mean {near[0]!r}?"
    return ConfigProblem(name, message, origin)


def _with_other_underscores(
    variable: str, models: Mapping[str, type[BaseModel]]
) -> ConfigProblem | None:
    """Find `LEX_HTTP_POOL_TIMEOUT`, where parts have to be set apart by two."""
    name = variable.upper().replace("_", "")
    for section, model in models.items():
        for path in _leaves(model, (section,)):
            meant = variable_of(path)
            if meant.replace("_", "") == name:
                message = f"Unknown variable. Did you mean '${meant}'?"
                return ConfigProblem("", message, f"${variable}")
    return None


def _leaves(model: type[BaseModel], path: Path) -> Iterator[Path]:
    for key, field in (fields_below(model, ()) or {}).items():
        inner = model_in(field.annotation)
        # A model may hold itself; nobody writes a variable that deep.
        if inner is not None and len(path) < 8:  # noqa: PLR2004
            yield from _leaves(inner, (*path, key))
        else:
            yield (*path, key)
