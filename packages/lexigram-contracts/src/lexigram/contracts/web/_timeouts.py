"""The limits of time of one call."""

from __future__ import annotations

from dataclasses import dataclass, fields
from types import EllipsisType
from typing import TypeAlias

__all__ = ["Seconds", "Timeouts"]

Seconds: TypeAlias = float | EllipsisType | None
"""A number of seconds, None for no limit, or `...` for what the client is configured to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """How long a call may take, as a whole and in its parts, in seconds.

    None sets no limit; what is left out stays as the client is configured. Each limit
    that runs out is an `HTTPTimeoutError` whose `phase` has the name of the field.

    Example:
        >>> patient = Timeouts(total=120.0, connect=2.0)

    Raises:
        ValueError: A limit is not a positive number.
    """

    total: Seconds = ...
    """The whole call: waiting, every attempt, every back-off and the body."""
    attempt: Seconds = ...
    """One attempt, from the wait for a connection to the end of the body."""
    pool: Seconds = ...
    """The wait for a connection while the pool has none to give."""
    connect: Seconds = ...
    """Opening a connection: the look-up of the name, TCP, the proxy and TLS."""
    read: Seconds = ...
    """The silence before the response and between two pieces of it."""

    def __post_init__(self) -> None:
        for field in fields(self):
            seconds = getattr(self, field.name)
            if seconds is not None and seconds is not ... and not _is_limit(seconds):
                raise ValueError(
                    f"{field.name}={seconds!r} is not a positive number of seconds. "
                    "Use None for no limit, or leave it out for the client's own."
                )

    def over(self, configured: Timeouts) -> Timeouts:
        """Return these limits, completed by those of a client."""
        return Timeouts(
            **{
                field.name: getattr(
                    configured if getattr(self, field.name) is ... else self, field.name
                )
                for field in fields(self)
            }
        )


def _is_limit(seconds: object) -> bool:
    number = isinstance(seconds, (int, float)) and not isinstance(seconds, bool)
    return number and seconds > 0  # type: ignore[operator]  # a number
