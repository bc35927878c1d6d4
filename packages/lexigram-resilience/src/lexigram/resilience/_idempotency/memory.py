"""Idempotency keys of one process."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import uuid4

from lexigram.contracts.clock import ClockProtocol, SystemClock
from lexigram.contracts.resilience import IdempotencyClaim

__all__ = ["MemoryIdempotencyStore"]


@dataclass(frozen=True, slots=True)
class _Entry:
    """A key: whose it is or, where nobody's, what became of it; and until when."""

    token: str | None
    result: bytes
    until: float


class MemoryIdempotencyStore:
    """Remembers in the process which work is being done, and results of what was done.

    For one process, and until it ends. Implements `IdempotencyStoreProtocol`.

    Args:
        max_keys: From here on the oldest results make room; work that is being done is
            never forgotten before its lease is over.
        clock: The running event loop's by default.
    """

    def __init__(
        self, *, max_keys: int = 10_000, clock: ClockProtocol | None = None
    ) -> None:
        self._max_keys = max_keys
        self._now = (clock or SystemClock()).monotonic
        self._entries: dict[str, _Entry] = {}

    def __repr__(self) -> str:
        return f"<MemoryIdempotencyStore: {len(self._entries)} keys>"

    async def claim(self, key: str, *, lease: float) -> IdempotencyClaim:
        """Return whether the work is the caller's, somebody else's, or done."""
        now = self._now()
        entry = self._entries.get(key)
        if entry is not None and entry.until > now:
            if entry.token is None:
                return IdempotencyClaim(key, "finished", result=entry.result)
            return IdempotencyClaim(key, "taken", retry_after=entry.until - now)
        token = uuid4().hex
        self._put(key, _Entry(token, b"", now + lease))
        return IdempotencyClaim(key, "claimed", token=token)

    async def finish(
        self, claim: IdempotencyClaim, result: bytes, *, keep: float
    ) -> bool:
        """Keep the result of the work for `keep` seconds; False if the lease was over."""
        if not self._has(claim):
            return False
        self._put(claim.key, _Entry(None, result, self._now() + keep))
        return True

    async def release(self, claim: IdempotencyClaim) -> bool:
        """Give up a key; False if the lease was over."""
        if not self._has(claim):
            return False
        del self._entries[claim.key]
        return True

    def _has(self, claim: IdempotencyClaim) -> bool:
        entry = self._entries.get(claim.key)
        return (
            entry is not None
            and entry.token == claim.token
            and entry.until > self._now()
        )

    def _put(self, key: str, entry: _Entry) -> None:
        # A key that is put anew is the youngest.
        self._entries.pop(key, None)
        if len(self._entries) >= self._max_keys:
            self._make_room()
        self._entries[key] = entry

    def _make_room(self) -> None:
        """Forget what is over, and the older half of the results if that is not enough."""
        now = self._now()
        entries = {key: e for key, e in self._entries.items() if e.until > now}
        if len(entries) >= self._max_keys:
            finished = [key for key, e in entries.items() if e.token is None]
            for key in finished[: len(finished) // 2 + 1]:
                del entries[key]
        self._entries = entries
