"""What is in force, and where it came from."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, TypeGuard

from pydantic import BaseModel, SecretBytes, SecretStr

from lexigram.config._fields import is_secret_type, written
from lexigram.config._layers import is_mapping
from lexigram.config._problems import Path, dotted
from lexigram.config._sources import Sources
from lexigram.contracts.redaction import REDACTED, redact_urls

__all__ = ["Explanation", "Setting", "settings_of"]

DEFAULT: Final = "default"

_WIDEST: Final = 60


@dataclass(frozen=True, slots=True)
class Setting:
    """One value in force.

    Attributes:
        key: "http.pool.timeout".
        value: As text, the way YAML has it: "30.0", "null". A secret is "***".
        origin: What set it: "$LEX_HTTP__POOL__TIMEOUT", "application.yaml:12",
            "Python at app.py:7", or "default".
    """

    key: str
    value: str
    origin: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """Values in force and where they came from; `str` of it is a table.

    Attributes:
        settings: One for each value, in the order of the models.
    """

    settings: tuple[Setting, ...]

    def __iter__(self) -> Iterator[Setting]:
        return iter(self.settings)

    def __len__(self) -> int:
        return len(self.settings)

    def __getitem__(self, key: str) -> Setting:
        """Return the value of one key: `explanation["http.pool.timeout"]`."""
        for setting in self.settings:
            if setting.key == key:
                return setting
        raise KeyError(key)

    def __str__(self) -> str:
        shown = [(one.key, _short(one.value), one.origin) for one in self.settings]
        rows = [("key", "value", "from"), *shown]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        return "\n".join(
            "  ".join(
                cell.ljust(width) for cell, width in zip(row, widths, strict=True)
            ).rstrip()
            for row in rows
        )


def settings_of(model: BaseModel, section: str, sources: Sources) -> Iterator[Setting]:
    """Yield every value of a section's model."""
    for path, value in _leaves(model, (section,)):
        text = _text(value, hidden=sources.hides(path))
        yield Setting(dotted(path), text, sources.setter(path) or DEFAULT)


def _leaves(value: Any, path: Path) -> Iterator[tuple[Path, Any]]:
    if isinstance(value, BaseModel):
        for name, field in type(value).model_fields.items():
            yield from _leaves(getattr(value, name), (*path, written(field, name)))
    elif is_mapping(value) and value:
        for key, inner in value.items():
            yield from _leaves(inner, (*path, key))
    else:
        yield path, value


def _text(value: Any, *, hidden: bool = False) -> str:
    """Return a value as YAML has it, without what is secret in it."""
    if value is None or isinstance(value, bool):
        return json.dumps(value)  # there is no secret in knowing that there is none
    if isinstance(value, SecretStr | SecretBytes):
        return REDACTED
    if is_secret_type(type(value)):
        return _scalar(value)  # shows what it lets be seen, such as a URL's host
    if hidden:
        return REDACTED
    if isinstance(value, BaseModel) or is_mapping(value):
        inner = (f"{dotted(path)}: {_text(one)}" for path, one in _leaves(value, ()))
        return f"{{{', '.join(inner) if value else ''}}}"
    if _is_set(value):
        value = sorted(value, key=str)
    return f"[{', '.join(map(_text, value))}]" if _is_several(value) else _scalar(value)


def _is_set(value: Any) -> TypeGuard[set[Any] | frozenset[Any]]:
    return isinstance(value, set | frozenset)


def _is_several(value: Any) -> TypeGuard[list[Any] | tuple[Any, ...]]:
    return isinstance(value, list | tuple)


def _scalar(value: Any) -> str:
    text = redact_urls(str(value))
    plain = text.isprintable() and text == text.strip() != ""
    return text if plain else json.dumps(text)


def _short(text: str) -> str:
    return text if len(text) <= _WIDEST else f"{text[: _WIDEST - 1]}…"
