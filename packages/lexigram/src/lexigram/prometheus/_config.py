"""Where metrics are served, and how many series they may have."""

from __future__ import annotations

from typing import ClassVar

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["PrometheusConfig"]


class PrometheusConfig(BaseModel):
    """The section `prometheus`."""

    model_config: ClassVar[ConfigDict] = ConfigDict(frozen=True, extra="forbid")

    port: int | None = Field(
        default=None,
        ge=0,
        le=65535,
        description=(
            "Port of an own server of the metrics; 0 is any free one. Left out: none is "
            "started, and the application serves `PrometheusRecorder.render()` itself."
        ),
    )
    address: str = Field(
        default="127.0.0.1",
        description="Address that the server listens on; 0.0.0.0 is every one.",
    )
    max_series: int = Field(
        default=1000,
        ge=1,
        description=(
            "Combinations of labels that each metric tells apart; later ones are "
            "counted together under the value 'other' of every label."
        ),
    )
