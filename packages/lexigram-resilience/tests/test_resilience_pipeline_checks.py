"""What policies of one pipeline say of each other."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable
from typing import Any

import pytest

from lexigram.resilience import (
    CircuitBreakerConfig,
    HedgeConfig,
    PipelineConfig,
    PipelineWarning,
    ResiliencePipeline,
    RetryConfig,
    RetryPolicy,
    Timeouts,
    TimeoutsConfig,
)

SLOW = TimeoutsConfig(total=60, attempt=20)
DOUBTFUL = TimeoutsConfig(total=30, attempt=15)


@pytest.mark.parametrize(
    ("config", "problem"),
    [
        (
            PipelineConfig(timeouts=SLOW, hedge=HedgeConfig(delay=20)),
            (
                "`hedge.delay` 20.0 is not shorter than `timeouts.attempt` 20.0, so that "
                "nothing is ever started beside an attempt. Lower the delay."
            ),
        ),
        (
            PipelineConfig(
                timeouts=SLOW, breaker=CircuitBreakerConfig(window_seconds=39)
            ),
            (
                "`breaker.window_seconds` 39.0 is shorter than two attempts of "
                "`timeouts.attempt` 20.0, so that the circuit forgets an upstream's hanging "
                "before it has seen enough of it. Raise the window."
            ),
        ),
        (
            PipelineConfig(
                timeouts=SLOW, breaker=CircuitBreakerConfig(half_open_max_wait=19)
            ),
            (
                "`breaker.half_open_max_wait` 19.0 is shorter than `timeouts.attempt` 20.0: "
                "a probe would count as failed while it may still succeed. Raise the wait."
            ),
        ),
    ],
)
def test_what_can_never_work_is_refused(config: PipelineConfig, problem: str) -> None:
    with pytest.raises(ValueError, match="cannot be made") as caught:
        ResiliencePipeline.from_config(config, name="orders")
    assert str(caught.value) == f"The pipeline 'orders' cannot be made:\n- {problem}"


def test_all_that_is_wrong_is_listed_at_once() -> None:
    config = PipelineConfig(
        timeouts=SLOW,
        hedge=HedgeConfig(delay=30),
        breaker=CircuitBreakerConfig(window_seconds=1, half_open_max_wait=1),
        retry=RetryConfig(max_attempts=9),
        strict=True,
    )
    with pytest.raises(ValueError, match="cannot be made") as caught:
        ResiliencePipeline.from_config(config)
    assert str(caught.value).count("\n- ") == 4


@pytest.mark.parametrize(
    "config",
    [
        PipelineConfig(),
        PipelineConfig(timeouts=SLOW, hedge=HedgeConfig(delay=19.9)),
        PipelineConfig(timeouts=SLOW, hedge=HedgeConfig(delay="p95"), breaker=None),
        PipelineConfig(timeouts=SLOW, breaker=CircuitBreakerConfig(window_seconds=40)),
        PipelineConfig(
            timeouts=SLOW, breaker=CircuitBreakerConfig(half_open_max_wait=20)
        ),
        PipelineConfig(timeouts=TimeoutsConfig(total=None, attempt=20)),
        PipelineConfig(timeouts=None, breaker=None),
        PipelineConfig(timeouts=DOUBTFUL, retry=None),
        PipelineConfig(timeouts=DOUBTFUL, retry=RetryConfig(max_attempts=1)),
        PipelineConfig(timeouts=TimeoutsConfig(total=30, attempt=14.9)),
        PipelineConfig(
            timeouts=TimeoutsConfig(total=None, attempt=None),
            retry=RetryConfig(max_duration=1),
        ),
    ],
)
def test_what_can_work_is_made_in_silence(config: PipelineConfig) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ResiliencePipeline.from_config(config)


def by_configuration(*, strict: bool) -> ResiliencePipeline:
    config = PipelineConfig(timeouts=DOUBTFUL, strict=strict)
    return ResiliencePipeline.from_config(config, name="orders")


def by_hand(*, strict: bool) -> ResiliencePipeline:
    return ResiliencePipeline(
        name="orders", timeouts=Timeouts(DOUBTFUL), retry=RetryPolicy(), strict=strict
    )


def by_reconfiguring(*, strict: bool) -> ResiliencePipeline:
    pipeline = ResiliencePipeline.from_config(name="orders")
    pipeline.reconfigure(PipelineConfig(timeouts=DOUBTFUL, strict=strict))
    return pipeline


WAYS = [by_configuration, by_hand, by_reconfiguring]


@pytest.mark.parametrize("make", WAYS)
def test_what_is_doubtful_is_warned_of_where_it_is_written(
    make: Callable[..., Any],
) -> None:
    with pytest.warns(PipelineWarning) as caught:
        make(strict=False)
    (warning,) = caught
    assert str(warning.message) == (
        "The pipeline 'orders' is doubtful: After 2 attempts of `timeouts.attempt` 15.0 "
        "the 30.0 s for all are over, so that the last of the 3 is never made when an "
        "upstream hangs. Lower `timeouts.attempt` or `retry.max_attempts`."
    )
    lines, first = inspect.getsourcelines(make)
    assert warning.filename == __file__
    assert first <= warning.lineno < first + len(lines)


@pytest.mark.parametrize("make", WAYS)
def test_when_strict_what_is_doubtful_is_refused(make: Callable[..., Any]) -> None:
    with pytest.raises(
        ValueError, match="'orders' cannot be made:\n- After 2 attempts"
    ):
        make(strict=True)


def test_the_longest_duration_of_the_retry_is_a_limit_as_well() -> None:
    config = PipelineConfig(
        timeouts=TimeoutsConfig(total=60, attempt=10),
        retry=RetryConfig(max_duration=20),
    )
    with pytest.warns(
        PipelineWarning, match="of `timeouts.attempt` 10.0 the 20.0 s for"
    ):
        ResiliencePipeline.from_config(config)


@pytest.mark.parametrize("timeouts", [None, TimeoutsConfig(total=None, attempt=None)])
def test_when_strict_a_retry_has_to_have_a_limit_of_time(
    timeouts: TimeoutsConfig | None,
) -> None:
    config = PipelineConfig(timeouts=timeouts)
    ResiliencePipeline.from_config(config)
    strict = config.model_copy(update={"strict": True})
    with pytest.raises(ValueError, match="Set one of them") as caught:
        ResiliencePipeline.from_config(strict)
    assert str(caught.value).splitlines()[1] == (
        "- It repeats, and neither `timeouts.total` nor `retry.max_duration` says how "
        "long a call may take with all its attempts. Set one of them."
    )
