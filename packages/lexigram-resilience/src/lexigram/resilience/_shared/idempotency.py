"""Idempotency keys of many processes."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from lexigram.contracts.resilience import IdempotencyClaim, IdempotencyStoreError
from lexigram.resilience._shared.guard import StoreError
from lexigram.resilience._shared.scripts import CLAIM, FINISH, RELEASE
from lexigram.resilience._shared.store import SharedStore

__all__ = ["SharedIdempotencyStore"]


class SharedIdempotencyStore:
    """Remembers for all processes of a store which work is being done, and its results.

    A key that is claimed costs two round trips, each no longer than the store's
    `timeout`. Claims are as safe as the server: one that fails over to a replica may
    have forgotten the last of them. Implements `IdempotencyStoreProtocol`.

    Args:
        store: Where they are.
    """

    def __init__(self, store: SharedStore) -> None:
        self._store = store

    def __repr__(self) -> str:
        return f"<SharedIdempotencyStore on {self._store!r}>"

    async def claim(self, key: str, *, lease: float) -> IdempotencyClaim:
        """Return whether the work is the caller's, somebody else's, or done.

        Raises:
            IdempotencyStoreError: The store does not answer. A claim that reached it
                all the same ends with its lease.
        """
        token = uuid4().hex
        state, detail = await self._ask(CLAIM, key, token, _milliseconds(lease))
        if state == b"claimed":
            return IdempotencyClaim(key, "claimed", token=token)
        if state == b"finished":
            return IdempotencyClaim(key, "finished", result=detail)
        return IdempotencyClaim(key, "taken", retry_after=max(0, int(detail)) / 1000)

    async def finish(
        self, claim: IdempotencyClaim, result: bytes, *, keep: float
    ) -> bool:
        """Keep the result of the work for `keep` seconds; False if the lease was over.

        Raises:
            IdempotencyStoreError: The store does not answer.
        """
        kept = await self._ask(
            FINISH, claim.key, claim.token, uuid4().hex, result, _milliseconds(keep)
        )
        return bool(kept)

    async def release(self, claim: IdempotencyClaim) -> bool:
        """Give up a key; False if the lease was over.

        Raises:
            IdempotencyStoreError: The store does not answer.
        """
        return bool(await self._ask(RELEASE, claim.key, claim.token))

    async def _ask(self, script: str, key: str, *args: str | bytes | int) -> Any:
        try:
            return await self._store.run(script, f"once:{{{key}}}", *args)
        except StoreError as error:
            raise IdempotencyStoreError(
                f"The store of the idempotency keys does not answer: {error}. Try again "
                "when it does."
            ) from error


def _milliseconds(seconds: float) -> int:
    return max(1, round(seconds * 1000))
