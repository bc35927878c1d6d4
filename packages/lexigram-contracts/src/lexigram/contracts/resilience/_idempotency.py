"""Doing something once, whoever is told to do it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

__all__ = ["IdempotencyClaim", "IdempotencyStoreProtocol"]


@dataclass(frozen=True, slots=True)
class IdempotencyClaim:
    """What became of asking for a key.

    Attributes:
        key: The key.
        state: "claimed" by who asked, who has to do the work; "taken" by somebody else,
            who does it now; "finished", whoever did it.
        token: Of a claimed key: what shows that it is the asker's.
        result: Of a finished one: what was kept of the work.
        retry_after: Of a taken one: seconds until it is there to be claimed again,
            unless its work is finished by then.
    """

    key: str
    state: Literal["claimed", "taken", "finished"]
    token: str = ""
    result: bytes = b""
    retry_after: float = 0.0

    def __repr__(self) -> str:
        return (
            f"<IdempotencyClaim {self.key!r}: {self.state}, {len(self.result)} bytes>"
        )


@runtime_checkable
class IdempotencyStoreProtocol(Protocol):
    """Remembers which work is being done or has been done, by keys.

    Of those who claim a key at the same time one gets it, and has it until it finishes
    or releases it, or until its lease is over: then whoever claims it next takes over
    from one that has crashed. Any number of tasks may use it at once.

    Not promised: that what was kept outlives the store, or that the work is done once
    when it takes longer than the lease. Cancellation passes through; what was asked for
    may have been done.
    """

    async def claim(self, key: str, *, lease: float) -> IdempotencyClaim:
        """Return whether the work is the caller's, somebody else's, or done.

        Args:
            key: What the work is known by.
            lease: Seconds that a claim lasts; more than the work takes.

        Raises:
            IdempotencyStoreError: The store cannot say.
        """
        ...

    async def finish(
        self, claim: IdempotencyClaim, result: bytes, *, keep: float
    ) -> bool:
        """Keep the result of the work for `keep` seconds, for all who claim it.

        Returns:
            False when the lease was over: somebody else has, or may have, the key.

        Raises:
            IdempotencyStoreError: The store cannot be asked.
        """
        ...

    async def release(self, claim: IdempotencyClaim) -> bool:
        """Give up a key, so that the next one who claims it does the work.

        Returns:
            False when the lease was over.

        Raises:
            IdempotencyStoreError: The store cannot be asked; the lease ends by itself.
        """
        ...
