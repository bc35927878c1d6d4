"""The behaviours of stores of idempotency keys, and some stores that lack one of them."""

import asyncio
import unicodedata
from collections.abc import Callable
from dataclasses import replace
from itertools import count
from typing import Any

import pytest

from lexigram.contracts.clock import ClockProtocol
from lexigram.contracts.resilience import IdempotencyClaim
from lexigram.testing.conformance import (
    ConformanceError,
    IdempotencyStoreConformance,
    check_idempotency_store,
    idempotency_store_behaviours,
)


class Store:
    """Entries of token, result and end. Correct; its subclasses are not."""

    waits = 0
    """How often a claim lets others run before it looks, and before it writes."""
    atomic = True
    swallows = False
    by_key: Callable[[str], str] = staticmethod(str)
    own_key = True
    tokens = True
    shows_token = False
    leaks_result = b""
    says_when = True
    whole_lease = False
    prolongs = False
    endless = False
    short_lease = 1.0
    keeps_as = staticmethod(bytes)
    keeps_falsy = True
    forgets_read = False
    keeps_for: float | None = None
    frees = True
    checks_end = True
    checks_owner = True
    checks_state = True
    says = True
    after_cancel = True

    def __init__(self, clock: ClockProtocol) -> None:
        self.now = clock.monotonic
        self.entries: dict[str, tuple[str, bytes | None, float]] = {}
        self.numbers = count(1)

    def name(self, key: str) -> str:
        return self.by_key(key)

    async def pause(self) -> None:
        for _ in range(self.waits):
            await asyncio.sleep(0)

    async def claim(self, key: str, *, lease: float) -> IdempotencyClaim:
        try:
            await self.pause()
        except asyncio.CancelledError:
            if not self.swallows:
                raise
        found = self.there(key)
        if not self.atomic:
            await asyncio.sleep(0)
        if found is None:
            claim = self.taken(key, lease)
            try:
                await self.pause()
            except asyncio.CancelledError:
                if not self.after_cancel:
                    self.entries[self.name(key)] = (claim.token, None, float("inf"))
                raise
            return claim
        token, result, end = found
        shown = token if self.shows_token else ""
        if result is not None and (result or self.keeps_falsy):
            if self.forgets_read:
                del self.entries[self.name(key)]
            said = key if self.own_key else ""
            return IdempotencyClaim(said, "finished", token=shown, result=result)
        if self.prolongs:
            self.entries[self.name(key)] = (token, result, self.now() + lease)
        left = lease if self.whole_lease else end - self.now()
        return IdempotencyClaim(
            key if self.own_key else "",
            "taken",
            token=shown,
            result=self.leaks_result,
            retry_after=left if self.says_when else 0.0,
        )

    def there(self, key: str) -> tuple[str, bytes | None, float] | None:
        found = self.entries.get(self.name(key))
        if found is None or (found[2] <= self.now() and not self.endless):
            return None
        return found

    def taken(self, key: str, lease: float) -> IdempotencyClaim:
        token = f"t{next(self.numbers)}" if self.tokens else ""
        end = self.now() + lease * self.short_lease
        self.entries[self.name(key)] = (token, None, end)
        return IdempotencyClaim(key if self.own_key else "", "claimed", token=token)

    def ends(self, claim: IdempotencyClaim) -> bool:
        found = self.entries.get(self.name(claim.key))
        if found is None:
            return not self.checks_state
        token, result, end = found
        return (
            (token == claim.token or not self.checks_owner)
            and (result is None or not self.checks_state)
            and (end > self.now() or not self.checks_end)
        )

    async def finish(
        self, claim: IdempotencyClaim, result: bytes, *, keep: float
    ) -> bool:
        if not self.ends(claim):
            return not self.says
        lasts = keep if self.keeps_for is None else self.keeps_for
        kept = self.keeps_as(result)
        self.entries[self.name(claim.key)] = (claim.token, kept, self.now() + lasts)
        return True

    async def release(self, claim: IdempotencyClaim) -> bool:
        if not self.ends(claim):
            return not self.says
        if self.frees:
            self.entries.pop(self.name(claim.key), None)
        return True


class Slow(Store):
    """Correct, and others run between its steps."""

    waits = 3


class NoKeep(Store):
    async def finish(self, claim: IdempotencyClaim, result: bytes) -> bool:  # type: ignore[override]
        return await super().finish(claim, result, keep=60.0)


class GivesAnything(Store):
    """Gives back its key to whoever says its name."""

    async def release(self, claim: IdempotencyClaim) -> bool:
        found = self.entries.get(claim.key)
        token = "" if found is None else found[0]
        return await super().release(replace(claim, token=token))


class FinishesAnything(Store):
    """Keeps a result of whoever knows the key."""

    async def finish(
        self, claim: IdempotencyClaim, result: bytes, *, keep: float
    ) -> bool:
        found = self.entries.get(claim.key)
        token = "" if found is None else found[0]
        return await super().finish(replace(claim, token=token), result, keep=keep)


def flawed(**flaws: Any) -> type[Store]:
    base = flaws.pop("base", Store)
    return type("Flawed", (base,), flaws)


def of_text(result: bytes) -> bytes:
    return result.decode(errors="replace").encode()


FLAWS: dict[str, tuple[Callable[[Any], Any], str]] = {
    "keeps for a time of its own": (NoKeep, "001 006"),
    "gives no token": (flawed(tokens=False), "002 011 012 014"),
    "does not say which key": (flawed(own_key=False), "002 003 006"),
    "does not say when": (flawed(says_when=False), "003 009"),
    "says the whole lease": (flawed(whole_lease=True), "003"),
    "hands out half a result": (flawed(leaks_result=b"half"), "003 005"),
    "looks and then writes": (flawed(atomic=False), "004 018"),
    "has one key": (flawed(by_key=lambda _: ""), "005 006"),
    "folds cases": (flawed(by_key=str.lower), "005"),
    "strips keys": (flawed(by_key=str.strip), "005"),
    "composes characters": (
        flawed(by_key=lambda key: unicodedata.normalize("NFC", key)),
        "005",
    ),
    "cuts keys": (flawed(by_key=lambda key: key[:3]), "005"),
    "keeps texts": (flawed(keeps_as=staticmethod(of_text)), "006"),
    "takes no result for none": (flawed(keeps_falsy=False), "006"),
    "hands out a result once": (flawed(forgets_read=True), "006 018"),
    "keeps what was given up": (flawed(frees=False), "007 018"),
    "ends leases early": (flawed(short_lease=0.4), "003 008 009"),
    "ends no lease": (flawed(endless=True), "009 010 011 012 016 017"),
    "prolongs leases": (flawed(prolongs=True), "010"),
    "takes results too late": (flawed(checks_end=False), "011 012"),
    "keeps whose result it is": (FinishesAnything, "011 014 015"),
    "frees whose key it is": (GivesAnything, "012 014 015"),
    "says that it is well": (flawed(says=False), "011 012 013 014 015"),
    "is finished twice": (flawed(checks_state=False), "013 014"),
    "shows whose key it is": (flawed(shows_token=True), "015"),
    "keeps for a lease": (flawed(keeps_for=3600.0), "016"),
    "keeps for ever": (flawed(keeps_for=float("inf")), "016"),
    "swallows cancellation": (flawed(base=Slow, swallows=True), "017"),
    "never ends what was cancelled": (flawed(base=Slow, after_cancel=False), "017"),
}


@pytest.mark.parametrize("flaw", FLAWS)
async def test_a_store_with_a_flaw_is_found(flaw: str) -> None:
    factory, behaviours = FLAWS[flaw]
    with pytest.raises(ConformanceError) as raised:
        await check_idempotency_store(factory, version="1.0")
    failed = {v.behaviour.id for v in raised.value.report.failed}
    assert {f"IDEM-{number}" for number in behaviours.split()} <= failed


def test_every_behaviour_finds_some_store() -> None:
    found = " ".join(numbers for _, numbers in FLAWS.values()).split()
    every = {b.id for b in idempotency_store_behaviours(version="1.0")}
    assert every == {f"IDEM-{number}" for number in found}


async def test_an_older_version_asks_a_store_for_nothing() -> None:
    assert idempotency_store_behaviours(version="0.9") == ()
    report = await check_idempotency_store(NoKeep, version="0.9")
    assert report.verdicts == ()


class TestStore(IdempotencyStoreConformance):
    version = "1.0"

    def make_idempotency_store(self, clock: ClockProtocol) -> Store:
        return Store(clock)


class TestSlowStore(IdempotencyStoreConformance):
    version = "1.0"

    def make_idempotency_store(self, clock: ClockProtocol) -> Store:
        return Slow(clock)
