"""`application.yaml` and its profile, with the line of every key."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path as FilePath
from typing import Any

import yaml

from lexigram.config._layers import Layer, is_list, is_mapping
from lexigram.config._problems import ConfigError, ConfigProblem, Path, dotted

__all__ = ["Files", "read_files"]

DEFAULT_FILE = "application.yaml"


class Files:
    """The files of one application, the profile's first since it wins.

    Attributes:
        layers: One for each file that exists.
        absent_profile: The profile's file when `LEX_PROFILE` names one that is missing.
    """

    def __init__(self) -> None:
        self.layers: list[Layer] = []
        self.absent_profile: str | None = None


def read_files(config_file: str | os.PathLike[str] | None, sections: set[str]) -> Files:
    """Read the file and its profile.

    `$LEX_CONFIG` names the file, else `config_file`, else it is `application.yaml` in
    the current directory, which alone may be absent.

    Raises:
        ConfigError: A file is missing, unreadable or not a mapping, or refers to a
            variable that is not set.
    """
    found = Files()
    variable = os.environ.get("LEX_CONFIG")
    named = variable or config_file
    main = FilePath(named or DEFAULT_FILE)
    problems: list[ConfigProblem] = []
    if profile := os.environ.get("LEX_PROFILE"):
        special = main.with_name(f"{main.stem}.{profile}{main.suffix}")
        if special.is_file():
            found.layers.append(_read(special, sections, problems, "$LEX_PROFILE"))
        else:
            found.absent_profile = str(special)
    if named or main.is_file():
        by = "$LEX_CONFIG" if variable else "Python" if config_file else ""
        found.layers.append(_read(main, sections, problems, by))
    if problems:
        raise ConfigError(problems)
    return found


def _read(
    file: FilePath, sections: set[str], problems: list[ConfigProblem], named_by: str
) -> Layer:
    layer = Layer()
    try:
        text = file.read_text(encoding="utf-8")
        # Parsed twice: the nodes know their lines, the values their types.
        node = yaml.compose(text, yaml.SafeLoader)
        values: Any = yaml.safe_load(text) if node else {}
    except OSError as error:
        message = f"Cannot read {str(file)!r}: {error.strerror}."
        problems.append(ConfigProblem("", message, named_by))
        return layer
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        problems.append(_unreadable(file, error))
        return layer
    if not is_mapping(values):
        message = (
            f"The file must be a mapping of sections, not a {type(values).__name__}."
        )
        problems.append(ConfigProblem("", message, f"{file}:1"))
        return layer
    layer.origins = {path: f"{file}:{line}" for path, line in _lines(node, ()) if path}
    expand = _Expansion(layer.origins, problems)
    # Other keys belong to the application; what `${` means there is its affair.
    for name in sections & values.keys():
        # A section that is written but empty sets nothing.
        if values[name] is not None:
            layer.values[name] = expand(values[name], (name,))
    return layer


def _unreadable(file: FilePath, error: Exception) -> ConfigProblem:
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        message = f"This is not valid YAML: {error.problem}."
        return ConfigProblem("", message, f"{file}:{error.problem_mark.line + 1}")
    return ConfigProblem("", f"This is not valid YAML: {error}.", str(file))


def _lines(node: yaml.Node | None, path: Path) -> Iterator[tuple[Path, int]]:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            inner = (*path, key.value)
            yield inner, key.start_mark.line + 1
            yield from _lines(value, inner)
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            yield (*path, index), value.start_mark.line + 1
            yield from _lines(value, (*path, index))


_REFERENCE = re.compile(
    r"(?P<escaped>\$\$\{)|\$\{(?P<name>[A-Za-z_]\w*)(?::-(?P<default>[^}]*))?\}"
    r"|(?P<malformed>\$\{)"
)


class _Expansion:
    """Replaces `${NAME}` and `${NAME:-default}` in a section's values."""

    def __init__(self, origins: dict[Path, str], problems: list[ConfigProblem]) -> None:
        self._origins = origins
        self._problems = problems

    def __call__(self, value: Any, path: Path) -> Any:
        if is_mapping(value):
            return {key: self(inner, (*path, key)) for key, inner in value.items()}
        if is_list(value):
            return [self(inner, (*path, i)) for i, inner in enumerate(value)]
        if not isinstance(value, str) or "${" not in value:
            return value
        expanded = _REFERENCE.sub(lambda match: self._replace(match, path), value)
        # As in the environment itself, where `null` is the way to write None.
        return None if expanded == "null" else expanded

    def _replace(self, match: re.Match[str], path: Path) -> str:
        if match["escaped"]:
            return "${"
        if match["malformed"]:
            return self._complain(
                path,
                "'${' begins no reference. Write ${NAME}, "
                "${NAME:-default}, or $${ for the characters.",
            )
        name, default = match["name"], match["default"]
        if (found := os.environ.get(name)) or (found == "" and default is None):
            return found
        if default is not None:
            return default
        return self._complain(
            path, f"${name} is not set. Set it, or write ${{{name}:-default}}."
        )

    def _complain(self, path: Path, message: str) -> str:
        origin = self._origins.get(path, "")
        self._problems.append(ConfigProblem(dotted(path), message, origin))
        return ""
