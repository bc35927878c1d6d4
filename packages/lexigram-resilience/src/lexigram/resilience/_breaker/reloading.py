"""Taking a new configuration, or refusing it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

from pydantic import ValidationError

from lexigram.resilience._config.breaker import CircuitBreakerConfig
from lexigram.resilience._events.events import ReloadFailed
from lexigram.resilience._events.listeners import Events

__all__ = ["NewConfig", "checked"]

NewConfig: TypeAlias = CircuitBreakerConfig | Mapping[str, Any]
"""A configuration, or what a file says of one: fields that are absent have defaults."""


def checked(config: NewConfig, policy: str, events: Events) -> CircuitBreakerConfig:
    """Return the configuration, checked.

    Raises:
        pydantic.ValidationError: It is not valid; the listeners have been told.
    """
    if isinstance(config, CircuitBreakerConfig):
        return config
    try:
        return CircuitBreakerConfig.model_validate(config)
    except ValidationError as error:
        if events.listeners:
            events.tell(ReloadFailed(policy, "", str(error)))
        raise
