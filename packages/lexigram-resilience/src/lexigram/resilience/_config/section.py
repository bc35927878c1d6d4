"""What every part of the configuration has in common."""

from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict

from lexigram.contracts.suggestions import refuse_unknown

__all__ = ["Section"]


class Section(BaseModel):
    """A frozen model that names the key that was meant when it gets an unknown one."""

    model_config: ClassVar[ConfigDict] = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False
    )

    def __init__(self, /, **values: Any) -> None:
        refuse_unknown(type(self).__name__, values, type(self).model_fields)
        super().__init__(**values)

    # Tells pydantic that validating a mapping need not go through this constructor,
    # so that a configuration loader gets every problem with its place instead.
    __init__.__pydantic_base_init__ = True  # type: ignore[attr-defined]
