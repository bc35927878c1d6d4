"""Sections, merged field by field and validated.

environment > explicitly set in Python > profile's file > file > default. Reading the
environment and merging are pydantic-settings'; the origin of each value, unknown keys
and the report of everything at once are added here.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Mapping
from typing import Any, ClassVar

from pydantic import BaseModel, ValidationError, create_model
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from lexigram.config._configuration import Configuration
from lexigram.config._environment import read_environment
from lexigram.config._files import read_files
from lexigram.config._known import unknown_keys, unknown_sections
from lexigram.config._layers import PREFIX, Layer, explicit_layer
from lexigram.config._problems import ConfigError, ConfigProblem, Path
from lexigram.config._report import problems_of
from lexigram.config._sources import Sources
from lexigram.contracts.di import ConfigSection

__all__ = ["load"]


def load(
    sections: Iterable[tuple[ConfigSection[Any], str]],
    config_file: str | os.PathLike[str] | None = None,
) -> Configuration:
    """Merge and validate sections, each given with the place that configures it.

    Raises:
        ConfigError: With every problem of every section.
    """
    sections = list(sections)
    models: dict[str, type[BaseModel]] = {one.name: one.model for one, _ in sections}
    layers = [
        explicit_layer({one.name: (one.explicit, place) for one, place in sections}),
        *read_files(config_file, models.keys()),
    ]
    root = _root(models, layers)
    layers.insert(0, read_environment(root, models))
    sources = Sources(models, tuple(layers))

    unknown = list(unknown_keys(sources))
    strays = list(unknown_sections(sources))
    found = [problem for _, problem in (*unknown, *strays) if problem]
    problems = [*sources.problems, *found]
    merged = _validate(root, sources, {path for path, _ in unknown}, problems)
    if merged is None or problems:
        raise ConfigError(problems)
    return Configuration(
        sections={name: getattr(merged, name) for name in models},
        ignored=tuple(origin for origin, problem in strays if not problem),
        sources=sources,
    )


def _validate(
    root: type[BaseSettings],
    sources: Sources,
    unknown: Collection[Path],
    problems: list[ConfigProblem],
) -> BaseSettings | None:
    try:
        return root()
    except ValidationError as error:
        problems.extend(problems_of(error, sources, unknown))
        return None


class _Sections(BaseSettings):
    """The settings of no section; those of all sections are made for each load."""

    model_config = SettingsConfigDict(
        extra="ignore",
        env_prefix=PREFIX,
        env_nested_delimiter="__",
        # The only way to write None in a variable.
        env_parse_none_str="null",
        protected_namespaces=(),
    )

    # No section can be named so.
    _layers: ClassVar[list[Layer]] = []

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        *_: PydanticBaseSettingsSource,
        **__: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        # A section that nobody mentions has its defaults.
        empty: dict[str, Any] = {name: {} for name in settings_cls.model_fields}
        values = (*(layer.values for layer in cls._layers), empty)
        return tuple(InitSettingsSource(settings_cls, one) for one in values)


def _root(
    models: Mapping[str, type[BaseModel]], layers: list[Layer]
) -> type[BaseSettings]:
    """Return a settings class of all sections, fed from `layers`, strongest first."""
    fields: dict[str, Any] = {name: (model, ...) for name, model in models.items()}
    root = create_model("Sections", __base__=_Sections, **fields)
    root._layers = layers  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] - ours
    return root
