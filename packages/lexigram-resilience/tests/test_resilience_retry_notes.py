"""What a retry says to the owner of a call about its decisions."""

import pytest

from lexigram.contracts.resilience import Call, Judgement, RetryExhaustedError
from lexigram.resilience import (
    BudgetConfig,
    ResiliencePipeline,
    RetryConfig,
    RetryPolicy,
)
from lexigram.testing import virtual_time

CONFIG = RetryConfig(max_attempts=2, base_delay=0, max_delay=0)


class DownError(Exception):
    """What the operation raises."""


async def down() -> None:
    raise DownError


async def up() -> int:
    return 1


@pytest.mark.parametrize(
    "policy",
    [RetryPolicy(CONFIG), ResiliencePipeline(retry=RetryPolicy(CONFIG))],
    ids=["policy", "pipeline"],
)
async def test_each_decision_after_a_failure_is_noted(
    policy: RetryPolicy | ResiliencePipeline,
) -> None:
    notes: list[str] = []
    with pytest.raises(RetryExhaustedError):
        await policy.execute(down, Call(note=notes.append))
    assert notes == ["again in 0 s", "not repeated: it was the last of 2 attempts"]


async def test_the_loop_of_attempts_notes_as_well() -> None:
    notes: list[str] = []

    call = Call[None](note=notes.append)

    async def loop() -> None:
        async for attempt in RetryPolicy(CONFIG).attempts(call):
            with attempt:
                raise DownError

    with pytest.raises(RetryExhaustedError):
        await loop()
    assert notes == ["again in 0 s", "not repeated: it was the last of 2 attempts"]


async def test_nothing_is_noted_of_a_success() -> None:
    notes: list[str] = []
    assert await RetryPolicy(CONFIG).execute(up, Call(note=notes.append)) == 1
    assert notes == []


@pytest.mark.parametrize(
    "call",
    [
        Call[None](repeatable=False),
        Call[None](judge=lambda _, __: Judgement("neutral")),
    ],
    ids=["not repeatable", "not worth it"],
)
async def test_what_the_owner_knows_by_itself_is_not_noted(call: Call[None]) -> None:
    notes: list[str] = []
    known = Call[None](repeatable=call.repeatable, judge=call.judge, note=notes.append)
    with pytest.raises(DownError):
        await RetryPolicy(CONFIG).execute(down, known)
    assert notes == []


async def test_what_a_hint_adds_is_noted() -> None:
    notes: list[str] = []

    def judge(result: int | None, error: BaseException | None) -> Judgement:
        return Judgement("failure", retryable=True, retry_after=0.001)

    call = Call[int](judge=judge, note=notes.append)
    await RetryPolicy(CONFIG).execute(up, call)
    assert notes[0] == "again in 0.001 s, as the upstream asks for 0.001 s"


async def test_a_wait_is_noted_to_the_millisecond() -> None:
    notes: list[str] = []
    config = RetryConfig(max_attempts=2, base_delay=0.0123456, jitter="none")
    async with virtual_time():
        with pytest.raises(RetryExhaustedError):
            await RetryPolicy(config).execute(down, Call(note=notes.append))
    assert notes[0] == "again in 0.012 s"


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        (
            RetryConfig(budget=BudgetConfig(ratio=0, min_per_second=0)),
            "the retry budget is exhausted, as too many calls were repeated lately",
        ),
        (
            RetryConfig(max_duration=1, base_delay=2, max_delay=2, jitter="none"),
            "`max_duration` leaves no time for the next wait",
        ),
    ],
    ids=["budget", "duration"],
)
async def test_what_forbids_another_attempt_is_noted(
    config: RetryConfig, reason: str
) -> None:
    notes: list[str] = []
    with pytest.raises(RetryExhaustedError):
        await RetryPolicy(config).execute(down, Call(note=notes.append))
    assert notes == [f"not repeated: {reason}"]


async def test_a_deadline_that_leaves_no_time_is_noted() -> None:
    notes: list[str] = []
    async with virtual_time() as clock:
        call = Call[None](deadline=clock.monotonic(), note=notes.append)
        with pytest.raises(RetryExhaustedError):
            await RetryPolicy().execute(down, call)
    assert notes == [
        "not repeated: the deadline of the call leaves no time for the next wait"
    ]


async def test_too_long_a_wait_asked_for_is_noted_with_what_is_allowed() -> None:
    notes: list[str] = []
    asked = Judgement("failure", retryable=True, retry_after=90)
    call = Call[int](judge=lambda _, __: asked, note=notes.append)
    assert await RetryPolicy(RetryConfig(max_retry_after=2.5)).execute(up, call) == 1
    assert notes == [
        "not repeated: the upstream asks for a wait of 90 s, more than 2.5 s"
    ]


async def test_what_is_left_to_the_retry_around_is_noted() -> None:
    notes: list[str] = []
    inner, call = RetryPolicy(CONFIG), Call[None](note=notes.append)
    with pytest.raises(RetryExhaustedError):
        await RetryPolicy(CONFIG).execute(lambda: inner.execute(down, call))
    assert notes == ["left to the retry around this one"] * 2
