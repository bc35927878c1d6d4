"""What of the log is shown, and how."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from lexigram.contracts.fields import Converted, Several

__all__ = ["LoggingConfig"]


def _upper(value: Any) -> Any:
    return value.upper() if isinstance(value, str) else value


class LoggingConfig(BaseModel):
    """The section `logging`.

    Attributes:
        level: The least severe records that are shown.
        format: "console" for people, "json" for machines: one object a line.
        shown: Names of fields that look like a secret's and are none.
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(frozen=True, extra="forbid")

    level: Annotated[
        Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"],
        BeforeValidator(_upper),
        Field(description="The least severe records that are shown."),
    ] = "INFO"
    format: Annotated[
        Literal["console", "json"],
        Field(description="Lines for people, or one JSON object a line."),
    ] = "console"
    shown: Converted[frozenset[str], Several[str]] = Field(
        default=frozenset(),
        validate_default=True,
        description=(
            "Names of fields whose values are shown although they look like a "
            "secret's, such as 'prompt_tokens'."
        ),
    )
