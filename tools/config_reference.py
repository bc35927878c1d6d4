"""Every key of the configuration, as docs/reference/configuration.md lists them.

    uv run python tools/config_reference.py            prints the page
    uv run python tools/config_reference.py --write    keeps it

The page is made of the models that the modules of the five distributions read, and
`tests/test_config_reference.py` fails when it is stale.
"""

from __future__ import annotations

import argparse
import json
import pkgutil
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from importlib import import_module
from typing import Any, Final

from pydantic import BaseModel

import lexigram
from environments import ROOT
from lexigram import Application
from lexigram.config._fields import hint_at, is_secret_type
from lexigram.contracts.di import ModuleDefinition

REFERENCE = ROOT / "docs" / "reference" / "configuration.md"

HEAD: Final = """\
<!-- By tools/config_reference.py; do not edit. -->

# Configuration

Each field by itself, the strongest first: the variable of the environment, what Python set
explicitly (`HTTPModule.configure(HTTPClientConfig(...))`), `application.{LEX_PROFILE}.yaml`,
`application.yaml` in the current directory or the file that `LEX_CONFIG` names, the default.
`app.config.explain("http")` and `lexigram config explain http --app app:AppModule` say which
of them it was.

- A key is written in YAML by its parts: `http.pool.timeout` is `http: {pool: {timeout: 15}}`.
- Lists and mappings are written in variables as JSON: `LEX_HTTP__RETRY_STATUSES='[503]'`.
- `null` is null, in files and in variables.
- A variable with `_FILE` after its name names a file that holds the value:
  `LEX_HTTP__PROXY_FILE=/run/secrets/proxy`.
- Files may refer to variables as `${NAME}` or `${NAME:-default}`; `$${` is for `${` itself.
- `<name>` is a name of your own, in lower case where a variable sets it.
- A group of keys that may be null is left out by that; `{}` is the group with its defaults.
- `HTTPModule.feature("partner")` reads the section `http_partner`, which has the keys of
  `http` and inherits nothing from there.
"""

# A number says its unit in its description.
_UNITS: Final = {"s": r"\bseconds\b", "bytes": r"\bbytes\b"}
_BOUNDS: Final = {
    "minimum": "≥ {}",
    "exclusiveMinimum": "> {}",
    "maximum": "≤ {}",
    "exclusiveMaximum": "< {}",
    "minLength": "length ≥ {}",
    "maxLength": "length ≤ {}",
    "minItems": "items ≥ {}",
    "maxItems": "items ≤ {}",
}
_TYPES: Final = {
    "integer": "integer",
    "number": "number",
    "boolean": "true or false",
    "null": "null",
    "string": "text",
    "password": "text",
    "path": "path",
}

Schema = Mapping[str, Any]


@dataclass(frozen=True)
class Key:
    """One key.

    Attributes:
        default: As JSON has it; None where the key is required.
    """

    path: tuple[str, ...]
    type: str
    default: str | None
    bounds: str
    unit: str
    meaning: str

    @property
    def name(self) -> str:
        """The key as it is named in reports."""
        return ".".join(self.path)

    @property
    def variable(self) -> str:
        """The environment's form."""
        return "LEX_" + "__".join(self.path).upper()


@dataclass(frozen=True)
class Group:
    """The keys of one model, under one heading."""

    path: tuple[str, ...]
    meaning: str
    keys: tuple[Key, ...]


def modules() -> list[ModuleDefinition]:
    """Return what `configure()` of every public module of ours returns."""
    found: list[ModuleDefinition] = []
    for portion in pkgutil.iter_modules(lexigram.__path__, "lexigram."):
        if portion.name.rpartition(".")[2].startswith("_"):
            continue
        package = import_module(portion.name)
        for name in getattr(package, "__all__", ()):
            configure = getattr(getattr(package, name), "configure", None)
            if name.endswith("Module") and configure is not None:
                found.append(configure())
    return found


def sections() -> dict[str, type[BaseModel]]:
    """Return the model of every section, by name."""
    models = Application(*modules()).config.sections
    return {name: type(models[name]) for name in sorted(models)}


def groups(section: str, model: type[BaseModel]) -> list[Group]:
    """Return the keys of a section, a group for each model in it."""
    schema = model.model_json_schema()
    found = list(_Walk(schema.get("$defs", {})).walk(schema, (section,)))
    return [
        replace(group, keys=tuple(_marked(key, model) for key in group.keys))
        for group in found
    ]


def _marked(key: Key, model: type[BaseModel]) -> Key:
    """Say that a key is a secret: a schema knows that of pydantic's own types alone."""
    if not is_secret_type(hint_at(model, key.path[1:])):
        return key
    return replace(key, type=key.type.replace("text", "text, secret", 1))


class _Walk:
    """Goes through a schema; what it has shown once it refers to afterwards."""

    def __init__(self, definitions: Mapping[str, Schema]) -> None:
        self._definitions = definitions
        self._shown: dict[str, tuple[str, ...]] = {}

    def walk(self, model: Schema, path: tuple[str, ...]) -> Iterator[Group]:
        keys: list[Key] = []
        inner: list[tuple[str, tuple[str, ...]]] = []
        for name, field in model["properties"].items():
            below = (*path, name)
            reference, many = _reference(field)
            if reference is None:
                keys.append(self._key(field, below, _type(field)))
                continue
            target = (*below, "<name>") if many else below
            keys += self._about(field, below, reference, target)
            if reference not in self._shown:
                self._shown[reference] = target
                inner.append((reference, target))
        yield Group(path, _line(model.get("description", "")), tuple(keys))
        for reference, target in inner:
            yield from self.walk(self._definitions[reference], target)

    def _about(
        self,
        field: Schema,
        path: tuple[str, ...],
        reference: str,
        target: tuple[str, ...],
    ) -> Iterator[Key]:
        """Yield a key for a group, unless the group is always there and comes below."""
        shown = ".".join(self._shown.get(reference, target))
        if target != path:
            yield self._key(field, path, f"mapping of names to the keys of `{shown}`")
        elif "anyOf" in field:
            yield self._key(field, path, f"the keys of `{shown}`, or null")
        elif reference in self._shown:
            yield self._key(field, path, f"the keys of `{shown}`")

    def _key(self, field: Schema, path: tuple[str, ...], type_: str) -> Key:
        meaning = field.get("description", "")
        return Key(
            path, type_, _default(field), _bounds(field), _unit(type_, meaning), meaning
        )


def _reference(field: Schema) -> tuple[str | None, bool]:
    """Return the model that a field holds, and whether it holds any number of them."""
    choices = [one for one in field.get("anyOf", [field]) if one.get("type") != "null"]
    if len(choices) != 1:
        return None, False
    (one,) = choices
    many = isinstance(one.get("additionalProperties"), Mapping)
    target = one["additionalProperties"] if many else one
    name = target.get("$ref", "").rpartition("/")[2]
    return name or None, many


def _type(field: Schema) -> str:
    if "anyOf" in field:
        return ", or ".join(_type(one) for one in field["anyOf"])
    if "enum" in field:
        return " or ".join(f"`{_json(one)}`" for one in field["enum"])
    if "const" in field:
        return f"`{_json(field['const'])}`"
    match field["type"]:
        case "array":
            return f"list of {_type(field['items'])}"
        case "object":
            return f"mapping to {_type(field['additionalProperties'])}"
        case simple:
            return _TYPES[field.get("format", simple)]


def _default(field: Schema) -> str | None:
    if "default" not in field:
        return None
    value = field["default"]
    if field.get("uniqueItems"):
        value = sorted(value)  # a set has an order of its own in every process
    if isinstance(value, Mapping) and value:
        return "{}"  # its keys' own defaults
    return _json(value)


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _bounds(field: Schema) -> str:
    own = [text.format(field[name]) for name, text in _BOUNDS.items() if name in field]
    inner = [_bounds(one) for one in field.get("anyOf", ())]
    return ", ".join(filter(None, [*own, *inner]))


def _unit(type_: str, meaning: str) -> str:
    if "number" not in type_ and "integer" not in type_:
        return ""
    found = (
        unit for unit, word in _UNITS.items() if re.search(word, meaning, re.IGNORECASE)
    )
    return next(found, "")


def _line(description: str) -> str:
    """Return the first paragraph, which is one sentence."""
    return " ".join(description.partition("\n\n")[0].split())


def page() -> str:
    """Return the whole page."""
    parts = [HEAD]
    for section, model in sections().items():
        for group in groups(section, model):
            parts.append(_heading(group))
            if group.keys:
                parts.append(_table(group))
    return "\n".join(parts)


def _heading(group: Group) -> str:
    level = "##" if len(group.path) == 1 else "###"
    return f"{level} `{'.'.join(group.path)}`\n\n{group.meaning}\n"


def _table(group: Group) -> str:
    head = (
        "| key and variable | type | default | bounds | unit | meaning |\n"
        "|---|---|---|---|---|---|\n"
    )
    return head + "".join(map(_row, group.keys))


def _row(key: Key) -> str:
    default = "required" if key.default is None else f"`{key.default}`"
    cells = (
        f"`{key.name}`<br>`{key.variable}`",
        key.type,
        default,
        key.bounds,
        key.unit,
        key.meaning,
    )
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |\n"


def main() -> None:
    """Print the page or keep it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--write", action="store_true", help=f"keep it in {REFERENCE.name}"
    )
    if parser.parse_args().write:
        REFERENCE.write_text(page())
    else:
        print(page(), end="")


if __name__ == "__main__":
    main()
