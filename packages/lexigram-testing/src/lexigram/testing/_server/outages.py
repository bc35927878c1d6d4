"""A fault that every new connection meets for a while."""

from __future__ import annotations

from dataclasses import dataclass

from lexigram.testing._answers.faults import Fault

__all__ = ["Outage"]


@dataclass(slots=True)
class Outage:
    """A fault, and how many connections are still to meet it."""

    cause: Fault
    times: int | None = None
    """None for all of them."""

    def __post_init__(self) -> None:
        if self.times is None:
            return
        if self.cause.kind == "refused":
            raise ValueError(
                "A port is closed for everybody, so `times` cannot count who is "
                "refused. Leave it out, or use `fault.reset_on_accept()`."
            )
        if self.times < 1:
            raise ValueError(f"times={self.times!r} meets nobody. Use 1 or more.")

    def meets(self) -> Fault | None:
        """Return the fault for the next connection, counting it; None after the last."""
        if self.times == 0:
            return None
        if self.times is not None:
            self.times -= 1
        return self.cause
