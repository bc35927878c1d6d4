"""What a pool says of itself."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PoolStatistics:
    """The connections of a pool at one moment.

    `in_use`, `idle` and `waiting` are of now; `opened` and `reused` count from the
    start of the pool.
    """

    in_use: int
    """Calls that hold a place: connections in use, or being opened."""
    idle: int
    """Connections that are open and wait for a call."""
    waiting: int
    """Calls that wait for a place."""
    opened: int
    """Connections that were opened, or tried to be."""
    reused: int
    """Calls that found an open connection."""

    @property
    def open(self) -> int:
        """Connections in use and idle ones."""
        return self.in_use + self.idle
