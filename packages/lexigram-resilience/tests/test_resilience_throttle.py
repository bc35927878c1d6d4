"""The adaptive throttle, as its callers see it, and what it does in an outage."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from itertools import pairwise
from random import Random
from typing import NoReturn

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from lexigram.contracts.clock import ClockProtocol
from lexigram.contracts.resilience import (
    Call,
    CircuitOpenError,
    Judgement,
    Outcome,
    ThrottledError,
)
from lexigram.resilience._adaptive.throttle import AdaptiveThrottle, ThrottleSnapshot
from lexigram.resilience._config.throttle import AdaptiveThrottleConfig
from lexigram.resilience.events import CallRefused, Event, Events
from lexigram.testing import virtual_time


class ManualClock(ClockProtocol):
    """Stands still until it is advanced."""

    def __init__(self) -> None:
        self.now = 1200.0

    def monotonic(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> NoReturn:
        pytest.fail(f"A throttle waits for nothing, and not for {seconds} s.")


class Lowest(Random):
    """Draws 0: everything is refused that may be."""

    def random(self) -> float:
        return 0.0


def throttle(**options: object) -> AdaptiveThrottle:
    config = {"minimum_calls": 0, **options}
    return AdaptiveThrottle(
        AdaptiveThrottleConfig.model_validate(config),
        name="billing",
        clock=ManualClock(),
        random=Lowest(),
    )


async def succeed() -> str:
    return "fine"


async def fail() -> NoReturn:
    raise OSError("down")


def judged(outcome: Outcome, key: str = "") -> Call[str]:
    return Call(key=key, judge=lambda _result, _error: Judgement(outcome))


def counts(subject: AdaptiveThrottle, key: str = "") -> tuple[int, int]:
    snapshot = subject.snapshot()[key]
    return snapshot.requests, snapshot.accepts


async def test_results_and_exceptions_pass_through() -> None:
    subject = AdaptiveThrottle()
    failure = LookupError("gone")

    async def raise_it() -> NoReturn:
        raise failure

    assert await subject.execute(succeed) == "fine"
    with pytest.raises(LookupError) as caught:
        await subject.execute(raise_it)
    assert caught.value is failure


async def test_what_an_upstream_does_not_accept_is_not_all_sent() -> None:
    subject = throttle()
    with pytest.raises(OSError, match="down"):
        await subject.execute(fail, Call(key="k"))
    asked: list[str] = []

    async def ask() -> None:
        asked.append("asked")

    with pytest.raises(ThrottledError) as caught:
        await subject.execute(ask, Call(key="k"))
    assert asked == []
    assert caught.value.key == "k"
    assert caught.value.retry_after is None
    assert str(caught.value) == (
        "The throttle 'billing' did not send a call to 'k': of 2 in the latest 120 s, "
        "0 were accepted. Send less, or try again when the upstream accepts more."
    )
    assert subject.snapshot() == {"k": ThrottleSnapshot(2, 0, 2 / 3)}


async def test_keys_are_throttled_apart() -> None:
    subject = throttle()
    with pytest.raises(OSError, match="down"):
        await subject.execute(fail, Call(key="a"))
    assert await subject.execute(succeed, Call(key="b")) == "fine"
    with pytest.raises(ThrottledError):
        await subject.execute(succeed, Call(key="a"))


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [("success", (1, 1)), ("failure", (1, 0)), ("neutral", (0, 0))],
)
async def test_the_judge_says_what_was_accepted(
    outcome: Outcome, expected: tuple[int, int]
) -> None:
    subject = throttle()
    assert await subject.execute(succeed, judged(outcome, "result")) == "fine"
    with pytest.raises(OSError, match="down"):
        await subject.execute(fail, judged(outcome, "error"))
    assert counts(subject, "result") == counts(subject, "error") == expected


async def test_trap_t02_a_cancelled_call_counts_for_nothing() -> None:
    subject = throttle()
    task = asyncio.create_task(subject.execute(asyncio.Event().wait))
    await asyncio.sleep(0)
    assert counts(subject) == (1, 1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert counts(subject) == (0, 0)


async def test_a_refusal_by_a_policy_inside_counts_for_nothing() -> None:
    subject = throttle()

    async def refuse() -> NoReturn:
        raise CircuitOpenError("Open.")

    with pytest.raises(CircuitOpenError):
        await subject.execute(refuse, judged("failure"))
    assert counts(subject) == (0, 0)


async def test_refusals_are_told() -> None:
    told: list[Event] = []
    subject = AdaptiveThrottle(
        AdaptiveThrottleConfig(minimum_calls=0),
        name="billing",
        random=Lowest(),
        events=Events([told.append]),
    )
    with pytest.raises(OSError, match="down"):
        await subject.execute(fail, Call(key="k"))
    assert told == []
    with pytest.raises(ThrottledError):
        await subject.execute(fail, Call(key="k"))
    assert told == [CallRefused("billing", "k", "throttle")]


async def test_another_configuration_keeps_what_is_counted() -> None:
    subject = throttle()
    with pytest.raises(OSError, match="down"):
        await subject.execute(fail)
    config = AdaptiveThrottleConfig(minimum_calls=2, window=60)
    subject.reconfigure(config)
    assert subject.config is config
    assert await subject.execute(succeed) == "fine"
    assert counts(subject) == (2, 1)


def test_a_configuration_that_is_not_valid_is_refused_and_told() -> None:
    told: list[Event] = []
    subject = AdaptiveThrottle(name="billing", events=Events([told.append]))
    subject.reconfigure({"window": 60})
    assert subject.config == AdaptiveThrottleConfig(window=60)
    with pytest.raises(ValidationError, match="window"):
        subject.reconfigure({"window": 0})
    assert subject.config.window == 60
    assert [(event.name, event.policy) for event in told] == [
        ("reload.failed", "billing")
    ]


async def test_as_many_keys_are_kept_as_configured() -> None:
    subject = throttle(max_keys=2)
    for key in "abc":
        await subject.execute(succeed, Call(key=key))
    assert list(subject.snapshot()) == ["b", "c"]
    subject.reconfigure(AdaptiveThrottleConfig(max_keys=1))
    await subject.execute(succeed, Call(key="d"))
    assert list(subject.snapshot()) == ["d"]


async def test_a_key_that_is_throttled_is_not_forgotten() -> None:
    subject = throttle(max_keys=1)
    with pytest.raises(OSError, match="down"):
        await subject.execute(fail, Call(key="a"))
    await subject.execute(succeed, Call(key="b"))
    with pytest.raises(ThrottledError):
        await subject.execute(succeed, Call(key="a"))


async def test_a_pipeline_gets_the_ledger_that_calls_use() -> None:
    subject = throttle()
    assert subject.ledger("k").admit(1200.0)
    subject.ledger("k").record(1200.0, "failure")
    with pytest.raises(ThrottledError):
        await subject.execute(succeed, Call(key="k"))


async def test_its_repr_shows_the_numbers() -> None:
    subject = throttle()
    with pytest.raises(OSError, match="down"):
        await subject.execute(fail, Call(key="a"))
    await subject.execute(succeed, Call(key="b"))
    assert repr(subject) == (
        "<AdaptiveThrottle 'billing': 2 keys, 1 of them throttled>"
    )
    assert repr(AdaptiveThrottle()) == (
        "<AdaptiveThrottle 'throttle': 0 keys, 0 of them throttled>"
    )


WINDOW = 120.0
RATE = 100  # calls a second


class Client:
    """Calls `RATE` times a second, and sees how many are sent."""

    def __init__(self, seed: int) -> None:
        self._clock = ManualClock()
        self._subject = AdaptiveThrottle(
            AdaptiveThrottleConfig(window=WINDOW),
            clock=self._clock,
            random=Random(seed),
        )

    async def sent(self, seconds: int, accepts: Callable[[int], bool]) -> float:
        """Call for a time; return the share of calls that are sent.

        Args:
            seconds: How long.
            accepts: Whether the upstream accepts one more, given how many it was sent
                in this second.
        """
        sent = 0
        for _ in range(seconds):
            in_second = 0
            for _ in range(RATE):
                self._clock.now += 1 / RATE
                operation = succeed if accepts(in_second) else fail
                result = await self._is_sent(operation)
                in_second += result
            sent += in_second
        return sent / (seconds * RATE)

    async def _is_sent(self, operation: Callable[[], Awaitable[str]]) -> bool:
        try:
            await self._subject.execute(operation)
        except ThrottledError:
            return False
        except OSError:
            pass
        return True


def everything(_sent: int) -> bool:
    return True


def nothing(_sent: int) -> bool:
    return False


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_in_an_outage_the_share_that_is_refused_is_that_of_the_book(
    seed: int,
) -> None:
    client = Client(seed)
    assert await client.sent(int(WINDOW), everything) == 1
    for step in range(20):
        # Of the window, so much was before the outage, when all were accepted.
        healthy = max(0.0, 1 - (step + 0.5) * 12 / WINDOW)
        rejection = min(0.9, max(0.0, 1 - 2 * healthy))
        sent = await client.sent(12, nothing)
        # A slice of the window is forgotten at once, which is a tenth of it.
        assert 1 - sent == pytest.approx(rejection, abs=0.12)
    assert await client.sent(60, nothing) == pytest.approx(0.1, abs=0.02)


async def test_an_upstream_that_accepts_some_is_sent_twice_as_many() -> None:
    client = Client(1)
    await client.sent(240, everything)
    await client.sent(480, lambda sent: sent < 20)
    # Of 100 a second.
    assert await client.sent(120, lambda sent: sent < 20) == pytest.approx(
        0.4, abs=0.02
    )


async def test_after_an_outage_more_and_more_is_sent_until_nothing_is_refused() -> None:
    client = Client(1)
    await client.sent(240, nothing)
    shares = [await client.sent(60, everything) for _ in range(6)]
    assert shares[0] < 0.3
    assert all(after >= before for before, after in pairwise(shares))
    assert shares[-1] == 1


async def test_an_upstream_that_fails_less_than_every_other_call_is_sent_all() -> None:
    client = Client(1)
    count = 0

    def most(_sent: int) -> bool:
        nonlocal count
        count += 1
        return count % 5 > 1

    assert await client.sent(240, most) == 1


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(), size=st.integers(1, 40))
def test_whoever_is_cancelled_only_what_ended_by_itself_is_counted(
    seed: int, size: int
) -> None:
    random = Random(seed)

    async def work(seconds: float, outcome: str) -> None:
        await asyncio.sleep(seconds)
        if outcome == "fail":
            raise OSError("down")

    async def run() -> None:
        config = AdaptiveThrottleConfig(minimum_calls=5)
        subject = AdaptiveThrottle(config, random=random)
        async with virtual_time():
            tasks: list[asyncio.Task[None]] = []
            for _ in range(size):
                plan = random.choice([0.0, 0.5, 1.0]), random.choice(["pass", "fail"])
                tasks.append(asyncio.create_task(subject.execute(partial(work, *plan))))
                await asyncio.sleep(random.choice([0.0, 0.0, 0.25]))
                if random.random() < 0.5:
                    random.choice(tasks).cancel()
            ends = await asyncio.gather(*tasks, return_exceptions=True)
            accepted = sum(end is None for end in ends)
            failed = sum(isinstance(end, OSError) for end in ends)
            refused = sum(isinstance(end, ThrottledError) for end in ends)
            if subject.snapshot():
                assert counts(subject) == (accepted + failed + refused, accepted)

    asyncio.run(run())
