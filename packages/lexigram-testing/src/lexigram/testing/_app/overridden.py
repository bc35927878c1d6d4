"""An override of a test bed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    # The core is an extra.
    from lexigram.application import Replacement

__all__ = ["Overridden", "overriding"]


@dataclass(frozen=True, slots=True)
class Overridden:
    """A binding and what stands in its place.

    Attributes:
        key: As the test wrote it.
        value: The fake.
        replacement: What the core knows of it.
    """

    key: Any
    value: Any
    replacement: Replacement

    @property
    def label(self) -> str:
        """The key, as reports write it."""
        return self.replacement.key

    def __str__(self) -> str:
        return f"{self.label} ({self.replacement.origin})"


def overriding(key: Any, overrides: Sequence[Overridden]) -> Overridden | None:
    """Return the override of a key, if there is one."""
    return next((one for one in overrides if one.key == key), None)
