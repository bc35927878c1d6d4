"""What every section of the configuration has in common."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, TypeVar

from pydantic import BaseModel, ConfigDict

from lexigram.contracts.suggestions import refuse_unknown


class Section(BaseModel):
    """A frozen section that refuses what it does not know."""

    # Values stay out of validation errors: `proxy` may hold a password.
    model_config: ClassVar[ConfigDict] = ConfigDict(
        frozen=True, extra="forbid", hide_input_in_errors=True, defer_build=True
    )

    def __init__(self, /, **values: Any) -> None:
        _refuse_misplaced(type(self), values)
        refuse_unknown(type(self).__name__, values, type(self).model_fields)
        super().__init__(**values)

    # Tells pydantic that validating a mapping need not go through this constructor,
    # so that a configuration loader gets every problem with its place instead.
    __init__.__pydantic_base_init__ = True  # type: ignore[attr-defined]


_Model = TypeVar("_Model", bound=Section)


def given_or_default(model: type[_Model], given: object) -> _Model:
    """Return the section that was given; for None one with the defaults.

    Raises:
        TypeError: It is something else: a dictionary, a URL. Its value, which may hold a
            password, is not shown.
    """
    if given is None:
        return model()
    if not isinstance(given, model):
        name = model.__name__
        raise TypeError(
            f"`config` takes {name}(...), and not a {type(given).__name__}. Make one of a "
            f"dictionary with {name}.model_validate(...)."
        )
    return given


def _refuse_misplaced(model: type[Section], values: Mapping[str, Any]) -> None:
    """Refuse keywords that a section within this one takes, and say which."""
    for name in values.keys() - model.model_fields.keys():
        for place, field in model.model_fields.items():
            inner = field.annotation
            if (
                isinstance(inner, type)
                and issubclass(inner, BaseModel)
                and name in inner.model_fields
            ):
                raise TypeError(
                    f"{model.__name__} has no option {name!r} of its own: {place!r} has. "
                    f"Write {place}={inner.__name__}({name}=...)."
                )
