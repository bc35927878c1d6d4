"""Sections, merged field by field and validated.

environment > explicitly set in Python > profile's file > file > default. Reading the
environment and merging are pydantic-settings'; the origin of each value, unknown keys
and the report of everything at once are added here.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ValidationError, create_model
from pydantic.fields import FieldInfo
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from lexigram.config._files import read_files
from lexigram.config._known import unknown_keys, unknown_sections
from lexigram.config._layers import PREFIX, Layer, environment_origins, explicit_layer
from lexigram.config._problems import ConfigError, ConfigProblem, Path
from lexigram.config._report import problems_of
from lexigram.contracts.di import ConfigSection

__all__ = ["Configuration", "load"]


@dataclass(frozen=True, slots=True)
class Configuration:
    """What is in force.

    Attributes:
        sections: The merged model of each section.
        ignored: The origin of each top-level key or variable that names no section.
        absent_profile: The file that `LEX_PROFILE` names, when there is none.
    """

    sections: Mapping[str, BaseModel]
    ignored: tuple[str, ...]
    absent_profile: str | None


def load(
    sections: Iterable[ConfigSection[Any]],
    config_file: str | os.PathLike[str] | None = None,
) -> Configuration:
    """Merge and validate sections.

    Raises:
        ConfigError: With every problem of every section.
    """
    sections = list(sections)
    models: dict[str, type[BaseModel]] = {one.name: one.model for one in sections}
    files = read_files(config_file, set(models))
    explicit = explicit_layer({one.name: one.explicit for one in sections})
    layers = [explicit, *files.layers]
    root = _root(models, layers)
    layers.insert(0, Layer(_Environment(root)(), environment_origins(models)))

    unknown = list(unknown_keys(models, layers))
    strays = list(unknown_sections(models, layers))
    problems = [problem for _, problem in (*unknown, *strays) if problem]
    merged = _validate(root, layers, {path for path, _ in unknown}, problems)
    if merged is None or problems:
        raise ConfigError(problems)
    return Configuration(
        sections={name: getattr(merged, name) for name in models},
        ignored=tuple(origin for origin, problem in strays if not problem),
        absent_profile=files.absent_profile,
    )


def _validate(
    root: type[BaseSettings],
    layers: list[Layer],
    unknown: set[Path],
    problems: list[ConfigProblem],
) -> BaseSettings | None:
    try:
        return root()
    except ValidationError as error:
        problems.extend(problems_of(error, layers, unknown))
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


def _root(
    models: Mapping[str, type[BaseModel]], layers: list[Layer]
) -> type[BaseSettings]:
    """Return a settings class of all sections, fed from `layers`, strongest first."""

    class Sections(BaseSettings):
        model_config = SettingsConfigDict(
            extra="ignore",
            env_prefix=PREFIX,
            env_nested_delimiter="__",
            # The only way to write None in a variable.
            env_parse_none_str="null",
            protected_namespaces=(),
        )

        @classmethod
        def settings_customise_sources(
            cls,
            settings_cls: type[BaseSettings],
            *_: PydanticBaseSettingsSource,
            **__: PydanticBaseSettingsSource,
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            # A section that nobody mentions has its defaults.
            empty: dict[str, Any] = {name: {} for name in models}
            values = (*(layer.values for layer in layers), empty)
            return tuple(InitSettingsSource(settings_cls, one) for one in values)

    fields: dict[str, Any] = {name: (model, ...) for name, model in models.items()}
    return create_model("Sections", __base__=Sections, **fields)
