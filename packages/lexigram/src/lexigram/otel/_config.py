"""What is told to OpenTelemetry, and to whom traces are passed on."""

from __future__ import annotations

from typing import Annotated, ClassVar, TypeAlias

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from lexigram.contracts.fields import Converted, Several
from lexigram.otel._target import target_of

__all__ = ["OTelConfig"]


def _origin(url: str) -> str:
    target = target_of(url)
    if not target.host:
        raise ValueError(f"{url!r} is no origin. Give one, such as https://api.test.")
    return target.origin


_Origin: TypeAlias = Annotated[str, AfterValidator(_origin)]


class OTelConfig(BaseModel):
    """The section `otel`."""

    model_config: ClassVar[ConfigDict] = ConfigDict(frozen=True, extra="forbid")

    propagate_to: Converted[tuple[_Origin, ...] | None, Several[str] | None] = Field(
        default=None,
        validate_default=True,
        description=(
            "Origins (scheme, host and port) that get the trace's context and baggage. "
            "Left out: every origin gets the trace's context, and none the baggage."
        ),
    )
    shown_query_keys: Converted[frozenset[str], Several[str]] = Field(
        default=frozenset(),
        validate_default=True,
        description=(
            "Names of query parameters, as they are written, whose values spans show. "
            "All others are hidden."
        ),
    )
    metrics_by_route: bool = Field(
        default=False,
        description=(
            "Whether durations carry `url.template`, the route of a call: one time "
            "series more for each route."
        ),
    )
