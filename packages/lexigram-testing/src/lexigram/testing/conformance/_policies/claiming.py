"""IDEM-001 to 018: what `IdempotencyStoreProtocol` asks of a store of idempotency keys.

Leases are long, and time passes on a clock that is moved: a slow machine ends none early.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Final, TypeAlias

from lexigram.contracts.clock import ClockProtocol
from lexigram.contracts.resilience import IdempotencyClaim, IdempotencyStoreProtocol
from lexigram.testing.conformance._behaviour import behaviour
from lexigram.testing.conformance._expectations import expect, expect_equal
from lexigram.testing.conformance._implements import assert_implements
from lexigram.testing.conformance._policies.clock import StepClock

IdempotencyStoreFactory: TypeAlias = Callable[[ClockProtocol], IdempotencyStoreProtocol]
"""Makes an empty store in which time passes as on this clock."""

_LEASE: Final = 3600.0
_KEEP: Final = 86_400.0
_KEY: Final = "order 7"
_OTHER: Final = "order 8"
_MANY: Final = 20
# What a slow machine may take for a behaviour.
_SLACK: Final = 60.0
# What a store may round a time to.
_NOISE: Final = 0.001

_RESULTS: Final = (b"", b"\x00\xff\r\n", b"c", b"r0", bytes(range(256)) * 1024)
_KEYS: Final = (
    "",
    "a",
    "A",
    "a ",
    " a",
    "a:b",
    "a*",
    "{a}",
    "a}",
    "a\nb",
    "\N{LATIN SMALL LETTER E WITH ACUTE}",
    "e\N{COMBINING ACUTE ACCENT}",
    "a" * 1000,
)


@behaviour("IDEM-001")
async def implements_the_protocol(make: IdempotencyStoreFactory) -> None:
    """The store has the protocol's methods, with their parameters."""
    assert_implements(IdempotencyStoreProtocol, make(StepClock()))


@behaviour("IDEM-002")
async def a_free_key_is_claimed(make: IdempotencyStoreFactory) -> None:
    """Who asks for a key that nobody has gets it, and a token that shows it."""
    claim = await _claimed(make(StepClock()))
    expect_equal("The key of the claim", claim.key, _KEY)
    expect(claim.token, "The token of the claim is empty.")
    expect_equal("The result of the claim", claim.result, b"")


@behaviour("IDEM-003")
async def who_comes_second_is_told_until_when(make: IdempotencyStoreFactory) -> None:
    """A key that somebody has is taken, for no longer than what is left of the lease."""
    clock = StepClock()
    store = make(clock)
    await _claimed(store)
    second = await _taken(store)
    expect_equal("The key of the claim", second.key, _KEY)
    expect_equal("The result of the claim", second.result, b"")
    _expect_left(second, _LEASE)
    clock.now += _LEASE / 2
    _expect_left(await _taken(store), _LEASE / 2)


@behaviour("IDEM-004")
async def one_of_many_gets_the_key(make: IdempotencyStoreFactory) -> None:
    """Of those who claim a key at the same time one gets it."""
    store = make(StepClock())
    claims = await asyncio.gather(
        *(store.claim(_KEY, lease=_LEASE) for _ in range(_MANY))
    )
    states = Counter(claim.state for claim in claims)
    expect_equal("The states", states, Counter(claimed=1, taken=_MANY - 1))


@behaviour("IDEM-005")
async def keys_are_kept_apart(make: IdempotencyStoreFactory) -> None:
    """Any text is a key, and like no other one."""
    store = make(StepClock())
    for number, key in enumerate(_KEYS):
        claim = await _claimed(store, key)
        if number % 2:
            await _finished(store, claim, key.encode())
    for number, key in enumerate(_KEYS):
        claim = await store.claim(key, lease=_LEASE)
        state, result = ("finished", key.encode()) if number % 2 else ("taken", b"")
        expect_equal(f"The state of {key[:9]!r}", claim.state, state)
        expect_equal(f"The result of {key[:9]!r}", claim.result, result)


@behaviour("IDEM-006")
async def a_result_is_handed_to_all(make: IdempotencyStoreFactory) -> None:
    """Once the work is finished, all who claim it get its result, byte for byte."""
    store = make(StepClock())
    for number, result in enumerate(_RESULTS):
        key = f"{_KEY} {number}"
        await _finished(store, await _claimed(store, key), result)
        for _ in range(2):
            later = await store.claim(key, lease=_LEASE)
            expect_equal("The state", later.state, "finished")
            expect_equal("The key of the claim", later.key, key)
            expect(
                later.result == result,
                f"The result {result[:9]!r} came back as {later.result[:9]!r}.",
            )


@behaviour("IDEM-007")
async def a_key_given_up_is_free(make: IdempotencyStoreFactory) -> None:
    """A key that was given up is claimed by the next one who asks."""
    store = make(StepClock())
    await _released(store, await _claimed(store))
    await _finished(store, await _claimed(store), b"done")


@behaviour("IDEM-008")
async def a_lease_lasts_its_time(make: IdempotencyStoreFactory) -> None:
    """While its lease lasts nobody takes a key over, and its work can be finished."""
    clock = StepClock()
    store = make(clock)
    claim, other = await _claimed(store), await _claimed(store, _OTHER)
    clock.now += _LEASE - _SLACK
    await _taken(store)
    await _finished(store, claim, b"done")
    await _released(store, other)


@behaviour("IDEM-009")
async def a_lease_that_is_over_is_taken_over(make: IdempotencyStoreFactory) -> None:
    """Who waits as told gets the key of one that has crashed."""
    clock = StepClock()
    store = make(clock)
    await _claimed(store)
    clock.now += _LEASE / 2
    clock.now += (await _taken(store)).retry_after + _SLACK
    await _finished(store, await _claimed(store), b"done")


@behaviour("IDEM-010")
async def asking_again_does_not_prolong_a_lease(make: IdempotencyStoreFactory) -> None:
    """However often others ask for a key, its lease ends when it was to end."""
    clock = StepClock()
    store = make(clock)
    await _claimed(store)
    for _ in range(3):
        clock.now += _LEASE / 4
        await _taken(store, lease=10 * _LEASE)
    clock.now += _LEASE / 4 + _SLACK
    await _claimed(store)


@behaviour("IDEM-011")
async def a_result_too_late_is_not_kept(make: IdempotencyStoreFactory) -> None:
    """Who finishes after its lease is told so, whether somebody else came or not."""
    clock = StepClock()
    store = make(clock)
    lost, alone = await _claimed(store), await _claimed(store, _OTHER)
    clock.now += _LEASE + _SLACK
    await _too_late(store, alone, "finish")
    await _claimed(store, _OTHER)
    heir = await _claimed(store)
    await _too_late(store, lost, "finish")
    await _taken(store)
    await _finished(store, heir, b"the heir's")
    await _too_late(store, lost, "finish")
    await _holds(store, b"the heir's")


@behaviour("IDEM-012")
async def giving_up_too_late_frees_nothing(make: IdempotencyStoreFactory) -> None:
    """Who gives up after its lease is told so, and leaves the key to who has it now."""
    clock = StepClock()
    store = make(clock)
    lost, alone = await _claimed(store), await _claimed(store, _OTHER)
    clock.now += _LEASE + _SLACK
    await _too_late(store, alone, "release")
    heir = await _claimed(store)
    await _too_late(store, lost, "release")
    await _taken(store)
    await _finished(store, heir, b"the heir's")
    await _too_late(store, lost, "release")
    await _holds(store, b"the heir's")


@behaviour("IDEM-013")
async def finished_once_is_finished(make: IdempotencyStoreFactory) -> None:
    """What was finished is neither finished again nor given up."""
    store = make(StepClock())
    claim = await _claimed(store)
    await _finished(store, claim, b"first")
    await _too_late(store, claim, "finish")
    await _too_late(store, claim, "release")
    await _holds(store, b"first")


@behaviour("IDEM-014")
async def given_up_once_is_given_up(make: IdempotencyStoreFactory) -> None:
    """What was given up is neither finished nor given up again, whoever has it now."""
    store = make(StepClock())
    claim = await _claimed(store)
    await _released(store, claim)
    await _too_late(store, claim, "finish")
    await _too_late(store, claim, "release")
    await _claimed(store)
    await _too_late(store, claim, "finish")
    await _too_late(store, claim, "release")
    await _taken(store)


@behaviour("IDEM-015")
async def only_who_has_a_key_ends_it(make: IdempotencyStoreFactory) -> None:
    """Who was told that a key is taken or finished can do nothing with it."""
    store = make(StepClock())
    claim = await _claimed(store)
    second = await _taken(store)
    await _too_late(store, second, "finish")
    await _too_late(store, second, "release")
    await _finished(store, claim, b"first")
    third = await _holds(store, b"first")
    await _too_late(store, third, "finish")
    await _too_late(store, third, "release")
    await _holds(store, b"first")


@behaviour("IDEM-016")
async def a_result_is_kept_for_its_time(make: IdempotencyStoreFactory) -> None:
    """A result is there for as long as it is kept, whatever the lease was, and then not."""
    clock = StepClock()
    store = make(clock)
    await _finished(store, await _claimed(store), b"long")
    await _finished(store, await _claimed(store, _OTHER), b"short", keep=_LEASE / 2)
    clock.now += _LEASE / 2 + _SLACK
    await _claimed(store, _OTHER)
    clock.now += _KEEP - _LEASE / 2 - 2 * _SLACK
    await _holds(store, b"long")
    clock.now += 2 * _SLACK
    await _claimed(store)


@behaviour("IDEM-017")
async def cancelling_passes_through(make: IdempotencyStoreFactory) -> None:
    """Cancellation passes through, and a claim that was made all the same ends."""
    clock = StepClock()
    store = make(clock)
    # At each point where a task that claims waits for something, up to many.
    for waits in range(_MANY):
        key = f"{_KEY} {waits}"
        task = asyncio.ensure_future(store.claim(key, lease=_LEASE))
        for _ in range(waits):
            await asyncio.sleep(0)
        is_stopped = task.cancel()
        await asyncio.wait({task})
        expect(
            task.cancelled() or not is_stopped,
            f"The cancelled claim ended as {task!r}.",
        )
    clock.now += _LEASE + _SLACK
    for waits in range(_MANY):
        await _claimed(store, f"{_KEY} {waits}")


@behaviour("IDEM-018")
async def work_is_done_once(make: IdempotencyStoreFactory) -> None:
    """Of many who do what claims tell them, with failures, one does each piece of work."""
    store = make(StepClock())
    done: list[str] = []
    failing = iter([True, False, True, True, False, True])

    async def work(key: str) -> bytes:
        for _ in range(10 * _MANY):
            claim = await store.claim(key, lease=_LEASE)
            if claim.state == "finished":
                return claim.result
            await asyncio.sleep(0.01)
            if claim.state == "claimed":
                if next(failing, False):
                    await _released(store, claim)
                else:
                    done.append(key)
                    await _finished(store, claim, key.encode())
        raise AssertionError(f"{key!r} was never finished.")

    keys = sorted(f"{_KEY} {number % 5}" for number in range(_MANY))
    results = await asyncio.gather(*map(work, keys))
    expect_equal("The work that was done", sorted(done), sorted(set(keys)))
    expect_equal("The results", results, [key.encode() for key in keys])


async def _claimed(
    store: IdempotencyStoreProtocol, key: str = _KEY
) -> IdempotencyClaim:
    claim = await store.claim(key, lease=_LEASE)
    expect_equal(f"The state of {key[:9]!r}", claim.state, "claimed")
    return claim


async def _taken(
    store: IdempotencyStoreProtocol, *, lease: float = _LEASE
) -> IdempotencyClaim:
    claim = await store.claim(_KEY, lease=lease)
    expect_equal(f"The state of {_KEY!r}", claim.state, "taken")
    return claim


async def _holds(store: IdempotencyStoreProtocol, result: bytes) -> IdempotencyClaim:
    claim = await store.claim(_KEY, lease=_LEASE)
    expect_equal(f"The state of {_KEY!r}", claim.state, "finished")
    expect_equal("The result", claim.result, result)
    return claim


async def _finished(
    store: IdempotencyStoreProtocol,
    claim: IdempotencyClaim,
    result: bytes,
    *,
    keep: float = _KEEP,
) -> None:
    kept = await store.finish(claim, result, keep=keep)
    expect_equal(f"What `finish` of {claim.key[:9]!r} returned", kept, expected=True)


async def _released(store: IdempotencyStoreProtocol, claim: IdempotencyClaim) -> None:
    released = await store.release(claim)
    expect_equal(
        f"What `release` of {claim.key[:9]!r} returned", released, expected=True
    )


async def _too_late(
    store: IdempotencyStoreProtocol, claim: IdempotencyClaim, end: str
) -> None:
    if end == "finish":
        returned = await store.finish(claim, b"too late", keep=_KEEP)
    else:
        returned = await store.release(claim)
    expect_equal(f"What `{end}` returned, too late,", returned, expected=False)


def _expect_left(claim: IdempotencyClaim, left: float) -> None:
    """Require the seconds until a key is free, as far as a slow machine knows them."""
    expect(
        left - _SLACK <= claim.retry_after <= left + _NOISE,
        f"`retry_after` is {claim.retry_after!r}, of a lease with {left:g} s left.",
    )
