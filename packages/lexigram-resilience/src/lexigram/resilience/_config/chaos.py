"""The configuration of chaos: disturbing calls on purpose."""

from typing import Literal, Self

from pydantic import Field, model_validator

from lexigram.resilience._config.section import Section

__all__ = ["ChaosConfig"]

_PERMISSIONS = ("allow_in_production", "accept_harm_to_users")


class ChaosConfig(Section):
    """Which share of the calls is disturbed, and that it may be."""

    enabled: bool = Field(
        default=False, description="Whether calls are disturbed at all."
    )
    environment: Literal["development", "test", "staging", "production"] | None = Field(
        default=None,
        description=(
            "Where the process runs; has to be said when chaos is enabled, and is "
            "read from nowhere."
        ),
    )
    allow_in_production: bool = Field(
        default=False,
        description=(
            "Whether calls may be disturbed in production; takes effect only together "
            "with `accept_harm_to_users`."
        ),
    )
    accept_harm_to_users: bool = Field(
        default=False,
        description=(
            "Says a second time that chaos in production is meant: calls that users "
            "wait for will fail."
        ),
    )
    behaviour_rate: float = Field(
        default=0.001,
        ge=0,
        le=1,
        description="The share of calls before which the given behaviour is run.",
    )
    latency_rate: float = Field(
        default=0.001,
        ge=0,
        le=1,
        description="The share of calls that are held up, when `max_latency` is set.",
    )
    fault_rate: float = Field(
        default=0.001,
        ge=0,
        le=1,
        description="The share of calls that raise the given fault instead.",
    )
    outcome_rate: float = Field(
        default=0.001,
        ge=0,
        le=1,
        description="The share of calls that return the given outcome instead.",
    )
    min_latency: float = Field(
        default=0.0,
        ge=0,
        description="The shortest time in seconds that a call is held up.",
    )
    max_latency: float = Field(
        default=0.0,
        ge=0,
        description=(
            "The longest time in seconds that a call is held up; 0 holds up none."
        ),
    )
    seed: int | None = Field(
        default=None,
        description=(
            "Makes the draws repeatable; None takes a new seed, which the log says."
        ),
    )

    @model_validator(mode="after")
    def _check_latency(self) -> Self:
        if self.min_latency > self.max_latency:
            raise ValueError(
                f"`min_latency` {self.min_latency!r} is longer than `max_latency` "
                f"{self.max_latency!r}. Raise the maximum or lower the minimum."
            )
        return self

    @model_validator(mode="after")
    def _check_environment(self) -> Self:
        if not self.enabled:
            return self
        if self.environment is None:
            raise ValueError(
                "Chaos is enabled and `environment` does not say where. Give "
                "`environment='test'`, or where the process runs."
            )
        missing = [name for name in _PERMISSIONS if not getattr(self, name)]
        if self.environment == "production" and missing:
            raise ValueError(
                "Chaos in production has to be asked for twice, and "
                f"{' and '.join(f'`{name}=True`' for name in missing)} "
                f"{'is' if len(missing) == 1 else 'are'} missing. Say so if calls of "
                "users are to fail; else set `enabled=False`."
            )
        return self
