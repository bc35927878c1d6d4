"""Taking a new configuration, or refusing it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias, TypeVar

from pydantic import ValidationError

from lexigram.resilience._config.section import Section
from lexigram.resilience._events.events import ReloadFailed
from lexigram.resilience._events.listeners import Events

__all__ = ["New", "checked"]

C = TypeVar("C", bound=Section)

New: TypeAlias = C | Mapping[str, Any]
"""A configuration, or what a file says of one: fields that are absent have defaults."""


def checked(model: type[C], config: New[C], policy: str, events: Events) -> C:
    """Return the configuration, checked.

    Raises:
        pydantic.ValidationError: It is not valid; the listeners have been told.
    """
    if isinstance(config, model):
        return config
    try:
        return model.model_validate(config)
    except ValidationError as error:
        if events.listeners:
            events.tell(ReloadFailed(policy, "", str(error)))
        raise
