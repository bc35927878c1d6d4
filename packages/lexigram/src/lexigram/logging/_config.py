"""What of the log is shown, and how."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict

__all__ = ["LoggingConfig"]


def _upper(value: Any) -> Any:
    return value.upper() if isinstance(value, str) else value


class LoggingConfig(BaseModel):
    """The section `logging`.

    Attributes:
        level: The least severe records that are shown.
        format: "console" for people, "json" for machines: one object a line.
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(frozen=True, extra="forbid")

    level: Annotated[
        Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"],
        BeforeValidator(_upper),
    ] = "INFO"
    format: Literal["console", "json"] = "console"
