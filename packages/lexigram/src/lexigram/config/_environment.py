"""The variables that set values, and the files that some of them name."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path as FilePath
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, EnvSettingsSource

from lexigram.config._fields import fields_below
from lexigram.config._layers import PREFIX, Layer
from lexigram.config._problems import Path

__all__ = ["read_environment", "variable_of"]

_FILE = "_file"


def read_environment(
    settings: type[BaseSettings], models: Mapping[str, type[BaseModel]]
) -> Layer:
    """Read what the environment sets; what cannot be used is noted in the layer.

    `LEX_HTTP__PROXY_FILE` names a file that holds the value of `LEX_HTTP__PROXY`, as
    secrets are handed to containers; unless a key is really called `…_file`.
    """
    layer = Layer(origins=_origins(models))
    source = _Environment(settings)
    variables = dict(source.env_vars)
    for path, origin in list(layer.origins.items()):
        if target := _file_target(path, models):
            del layer.origins[path]
            named = variables.pop(variable_of(path).lower())
            if target in layer.origins:
                message = (
                    f"{layer.origins[target]} is set as well. Unset one of the two."
                )
                layer.lose(target, message, origin)
            elif (text := _content(target, str(named), origin, layer)) is not None:
                layer.origins[target] = origin
                layer.confidential.add(target)
                variables[variable_of(target).lower()] = text
    source.env_vars = variables
    layer.values = source()
    return layer


def variable_of(path: Iterable[str | int]) -> str:
    """Return the variable that sets the value at `path`."""
    return PREFIX + "__".join(map(str, path)).upper()


def _origins(sections: Iterable[str]) -> dict[Path, str]:
    known = set(sections)
    origins: dict[Path, str] = {}
    for variable in os.environ:
        path = tuple(variable.lower().removeprefix(PREFIX.lower()).split("__"))
        if variable.upper().startswith(PREFIX) and path[0] in known:
            origins[path] = f"${variable}"
    return origins


def _file_target(path: Path, models: Mapping[str, type[BaseModel]]) -> Path | None:
    """Return what the file that a variable names is to set, if it names one."""
    *around, last = map(str, path)
    if not around or not last.endswith(_FILE):
        return None
    fields = fields_below(models[around[0]], tuple(around[1:])) or {}
    target = last.removesuffix(_FILE)
    return (*around, target) if last not in fields and target in fields else None


def _content(target: Path, file: str, origin: str, layer: Layer) -> str | None:
    try:
        text = FilePath(file).read_text(encoding="utf-8")
    except OSError as error:
        message = f"Cannot read the file {file!r}: {error.strerror}."
    except UnicodeDecodeError:
        message = f"The file {file!r} is not text. Save it as UTF-8."
    else:
        # Editors and `echo` end a line that is not meant to be part of the secret.
        return text.rstrip("\r\n")
    layer.lose(target, message, origin)
    return None


class _Environment(EnvSettingsSource):
    """The environment, where text that is not JSON is left for the model to refuse."""

    def decode_complex_value(
        self, field_name: str, field: FieldInfo, value: Any
    ) -> Any:
        try:
            return super().decode_complex_value(field_name, field, value)
        except ValueError:
            return value
