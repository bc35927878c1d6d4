"""The types of configuration fields that are given more than they keep."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING, Generic, TypeAlias, TypeVar

__all__ = ["Converted", "Several"]

_T = TypeVar("_T")

Several: TypeAlias = list[_T] | tuple[_T, ...] | AbstractSet[_T]
"""What a field of several values is given; no text, whose characters would be taken."""

if TYPE_CHECKING:
    _Kept_co = TypeVar("_Kept_co", covariant=True)
    _Given_contra = TypeVar("_Given_contra", contravariant=True)

    class Converted(Generic[_Kept_co, _Given_contra]):
        """The type of a field of a model that keeps one type and is given others as well.

        Checkers take a field that is a descriptor for what can be set and what is got
        (https://peps.python.org/pep-0681/#descriptor-typed-field-support). To pydantic,
        which converts what it is given, the field has the type that is kept. A default
        has `validate_default`, with which pydantic's `Field` leaves its type open.

        Example:
            ```python
            from pathlib import Path

            from pydantic import BaseModel, Field


            class BillingConfig(BaseModel):
                ledger: Converted[Path, Path | str] = Field()


            config = BillingConfig(ledger="ledger.db")  # checkers see nothing wrong
            assert config.ledger.name == "ledger.db"  # nor here: it is a Path
            ```
        """

        def __get__(self, section: object, owner: object = None, /) -> _Kept_co: ...
        def __set__(self, section: object, value: _Given_contra, /) -> None: ...

else:

    class Converted:
        """The type of a field of a model that keeps one type and is given others as well."""

        def __class_getitem__(cls, kept_and_given: tuple[object, object]) -> object:
            return kept_and_given[0]
