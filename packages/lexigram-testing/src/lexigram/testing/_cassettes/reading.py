"""Reading values of JSON with their place, so that an error can name it."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any, NoReturn

from lexigram.contracts.suggestions import did_you_mean
from lexigram.testing._calls.literals import is_list, is_mapping
from lexigram.testing._cassettes.errors import CassetteFileError

__all__ = ["Node"]


class Node:
    """A value of a cassette file and where it is."""

    __slots__ = ("path", "place", "value")

    def __init__(self, value: Any, path: Path, place: str = "") -> None:
        self.value = value
        self.path = path
        self.place = place

    def fields(
        self, required: Collection[str], optional: Collection[str] = ()
    ) -> dict[str, Node]:
        """Return the fields of an object.

        Raises:
            CassetteFileError: It is none, lacks a field or has an unknown one.
        """
        value = self.value
        if not is_mapping(value):
            self.refuse("is not an object")
        known = {*required, *optional}
        for name in value:
            if name not in known:
                self.refuse(
                    f"has the unknown field {name!r}", did_you_mean(name, known)
                )
        for name in required:
            if name not in value:
                self.refuse(f"has no field {name!r}")
        prefix = f"{self.place}." if self.place else ""
        return {n: Node(v, self.path, f"{prefix}{n}") for n, v in value.items()}

    def items(self) -> Iterator[Node]:
        """Iterate over the items of an array.

        Raises:
            CassetteFileError: It is none.
        """
        value = self.value
        if not is_list(value):
            self.refuse("is not an array")
        for index, item in enumerate(value):
            yield Node(item, self.path, f"{self.place}[{index}]")

    def text(self) -> str:
        """Return a text.

        Raises:
            CassetteFileError: It is none.
        """
        if not isinstance(self.value, str):
            self.refuse("is not a text")
        return self.value

    def joined(self) -> str:
        """Return a text that may be written in several lines.

        Raises:
            CassetteFileError: It is neither a text nor an array of texts.
        """
        if isinstance(self.value, str):
            return self.value
        return "".join(item.text() for item in self.items())

    def integer(self) -> int:
        """Return a whole number.

        Raises:
            CassetteFileError: It is none.
        """
        if type(self.value) is not int:
            self.refuse("is not a whole number")
        return self.value

    def refuse(self, problem: str, advice: str = "") -> NoReturn:
        """Raise and say what is wrong here."""
        raise CassetteFileError(
            f"The cassette '{self.path}' cannot be read: "
            f"{self.place or 'the file'} {problem}. "
            f"{advice or 'Mend it, or delete it and record it again.'}",
            path=self.path,
            place=self.place,
        )
