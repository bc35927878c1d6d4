"""`application.yaml` and its profile."""

from __future__ import annotations

import os
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import Any

from lexigram.config._expansion import expand
from lexigram.config._layers import Layer, is_mapping
from lexigram.config._problems import ConfigProblem, dotted
from lexigram.config._yaml import Document, NotYAMLError, parse
from lexigram.contracts.suggestions import did_you_mean

__all__ = ["read_files"]

DEFAULT_FILE = "application.yaml"


@dataclass(frozen=True, slots=True)
class _File:
    """A file that is to be read, and what names it: "" for the default, which may lack."""

    path: FilePath
    named_by: str = ""


def read_files(
    config_file: str | os.PathLike[str] | None, sections: Collection[str]
) -> list[Layer]:
    """Read the file and its profile, the profile's first since it wins.

    `$LEX_CONFIG` names the file, else `config_file`, else it is `application.yaml` in
    the current directory, which alone may be absent. What cannot be used is noted in
    the layer.
    """
    variable = os.environ.get("LEX_CONFIG")
    by = "$LEX_CONFIG" if variable else "Python" if config_file else ""
    main = FilePath(variable or config_file or DEFAULT_FILE)
    layers: list[Layer] = []
    if profile := os.environ.get("LEX_PROFILE"):
        special = main.parent / f"{main.stem}.{profile}{main.suffix}"
        layers.append(_read(_File(special, "$LEX_PROFILE"), sections, main))
    layers.append(_read(_File(main, by), sections, main))
    return layers


def _read(file: _File, sections: Collection[str], main: FilePath) -> Layer:
    layer = Layer()
    try:
        document = parse(file.path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        if file.named_by:
            layer.lose((), _missing(file, main), file.named_by)
    except OSError as error:
        message = f"Cannot read {str(file.path)!r}: {error.strerror}."
        layer.lose((), message, file.named_by)
    except UnicodeDecodeError:
        layer.lose((), "The file is not text. Save it as UTF-8.", str(file.path))
    except NotYAMLError as error:
        line = f":{error.line}" if error.line else ""
        message = f"This is not valid YAML: {error}."
        layer.lose((), message, f"{file.path}{line}")
    else:
        _take(document, layer, file.path, sections)
    return layer


def _missing(file: _File, main: FilePath) -> str:
    if file.named_by != "$LEX_PROFILE":
        return f"There is no file {str(file.path)!r}. Create it, or name another."
    before, after = len(main.stem) + 1, len(main.suffix)
    profiles = [
        found.name[before : len(found.name) - after]
        for found in main.parent.glob(f"{main.stem}.?*{main.suffix}")
    ]
    known = did_you_mean(os.environ["LEX_PROFILE"], profiles)
    return f"The profile has no file {str(file.path)!r}. {known}"


def _take(
    document: Document, layer: Layer, file: FilePath, sections: Collection[str]
) -> None:
    """Move what belongs to the sections into the layer."""
    values: Any = document.values
    if values is None:
        return
    if not is_mapping(values):
        kind = type(values).__name__
        message = (
            f"The file must be a mapping of sections, not a {kind}. Begin it with the "
            "name of a section and a colon."
        )
        layer.lose((), message, f"{file}:1")
        return
    layer.origins = {path: f"{file}:{line}" for path, line in document.lines.items()}
    # Other keys belong to the application; what they hold is its affair.
    own = [name for name in values if name in sections]
    for path, line, first in document.repeated:
        if path[0] in own:
            message = f"The key is set already in line {first}. Remove one of the two."
            place = f"{file}:{line}"
            layer.problems.append(ConfigProblem(dotted(path), message, place))
    for name in own:
        # A section that is written but empty sets nothing.
        if values[name] is not None:
            layer.values[name] = expand(values[name], (name,), layer)
