"""The configuration of one application, as it is in force."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import ClassVar

from pydantic import BaseModel

from lexigram.config._explanation import Explanation, Setting, settings_of
from lexigram.config._sources import Sources
from lexigram.contracts.errors import LexigramError
from lexigram.contracts.suggestions import did_you_mean

__all__ = ["Configuration", "UnknownKeyError"]


class UnknownKeyError(LexigramError, LookupError):
    """The configuration has no section or key of a name."""

    code: ClassVar[str] = "config.unknown_key"


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Configuration:
    """Every section, merged and validated.

    Attributes:
        sections: The model of each section, by name.
        ignored: The origin of each top-level key or variable that names no section.
    """

    sections: Mapping[str, BaseModel]
    ignored: tuple[str, ...]
    sources: Sources

    def __repr__(self) -> str:
        # The models may hold secrets that only `explain` knows to be some.
        return f"<Configuration of {', '.join(self.sections)}>"

    def explain(self, key: str | None = None) -> Explanation:
        """Return what is in force and where each value came from.

        Args:
            key: A section, "http", or a part of one, "http.pool"; everything if None.

        Raises:
            UnknownKeyError: There is no such section or key.
        """
        settings = [
            setting
            for name, model in self.sections.items()
            for setting in settings_of(model, name, self.sources)
        ]
        if key is None:
            return Explanation(tuple(settings))
        found = tuple(one for one in settings if f"{one.key}.".startswith(f"{key}."))
        if not found:
            known = _nearby(key, self.sections, settings)
            raise UnknownKeyError(f"The configuration has no {key!r}. {known}")
        return Explanation(found)


def _nearby(key: str, sections: Iterable[str], settings: Iterable[Setting]) -> str:
    """Return a sentence with what there is, as deep as the question went."""
    section = key.partition(".")[0]
    if section not in sections:
        return did_you_mean(section, sections)
    depth = key.count(".") + 1
    own = [one.key for one in settings if one.key.startswith(f"{section}.")]
    return did_you_mean(key, {".".join(one.split(".")[:depth]) for one in own})
