"""What an application shares with its other processes."""

from __future__ import annotations

from dataclasses import dataclass

from lexigram.resilience._shared.circuits import FleetCircuits
from lexigram.resilience._shared.store import SharedStore

__all__ = ["Sharing"]


@dataclass(frozen=True, slots=True)
class Sharing:
    """What is shared, and where.

    Attributes:
        store: Of the section `resilience.store`; None where there is no such section,
            so that nothing is shared.
        circuits: What an operator commands the circuits of all processes by; None where
            `resilience.store.coordination` is not configured.
    """

    store: SharedStore | None = None
    circuits: FleetCircuits | None = None
