"""`${NAME}` and `${NAME:-default}` in the values of a file."""

from __future__ import annotations

import os
import re
from typing import Any

from lexigram.config._layers import ABSENT, Layer, is_list, is_mapping
from lexigram.config._problems import Path

__all__ = ["expand"]

_REFERENCE = re.compile(
    r"(?P<escaped>\$\$\{)|\$\{(?P<name>[A-Za-z_]\w*)(?::-(?P<default>[^}]*))?\}"
    r"|(?P<malformed>\$\{)"
)


def expand(value: Any, path: Path, layer: Layer) -> Any:
    """Return `value` with its references replaced.

    What refers to a variable that is not set is left out, and noted in `layer`.
    """
    if is_mapping(value):
        inner = {key: expand(one, (*path, key), layer) for key, one in value.items()}
        return {key: one for key, one in inner.items() if one is not ABSENT}
    if is_list(value):
        items = [expand(one, (*path, i), layer) for i, one in enumerate(value)]
        return [one for one in items if one is not ABSENT]
    if not isinstance(value, str) or "${" not in value:
        return value
    problems: list[str] = []
    expanded = _REFERENCE.sub(lambda match: _replace(match, problems), value)
    for problem in problems:
        layer.lose(path, problem)
    if problems:
        return ABSENT
    # As in the environment itself, where `null` is the way to write None.
    return None if expanded == "null" else expanded


def _replace(match: re.Match[str], problems: list[str]) -> str:
    if match["escaped"]:
        return "${"
    name, default = match["name"], match["default"]
    if match["malformed"]:
        problems.append(
            "'${' begins no reference. Write ${NAME}, ${NAME:-default}, or $${ for the "
            "characters."
        )
        return ""
    if (found := os.environ.get(name)) or (found == "" and default is None):
        return found
    if default is not None:
        return str(default)
    problems.append(f"${name} is not set. Set it, or write ${{{name}:-default}}.")
    return ""
