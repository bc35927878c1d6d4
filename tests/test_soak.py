"""The reckoning of the soak finds what is wrong; that nothing is, the gate's step finds."""

from collections import Counter
from random import Random

import pytest
from soaking import verdict
from soaking.chaos import BASE, CONFIGURATIONS, INVALID
from soaking.ledger import Counted, Ledger, word_for

from lexigram.contracts.web import (
    HTTPConnectionError,
    HTTPRetryExhaustedError,
    HTTPTimeoutError,
)
from lexigram.http import PoolStatistics
from lexigram.metrics import MetricsSummary
from lexigram.resilience import (
    Bulkhead,
    PipelineConfig,
    RateLimiter,
    RateLimiterConfig,
    ResiliencePipeline,
)
from lexigram.testing import virtual_time

IDLE = PoolStatistics(in_use=0, idle=2, waiting=0, opened=2, reused=5)
ORIGIN = "http://api.test:80"


def books(*, calls: int = 3) -> Ledger:
    """Return the books of calls that were all answered, by one request each."""
    ledger = Ledger(calls)
    ledger.began = calls
    ledger.answered["GET", "200"] = calls
    for number in range(calls):
        ledger.certain[number] = ledger.possible[number] = 1
    return ledger


def test_a_call_without_an_end_is_found() -> None:
    ledger = books()
    assert list(verdict.about_calls(ledger, 3)) == []
    ledger.began += 1
    assert len(list(verdict.about_calls(ledger, 4))) == 1
    assert len(list(verdict.about_calls(ledger, 5))) == 2


@pytest.mark.parametrize("received", [[1, 0, 1], [1, 2, 1]])
def test_a_request_that_was_lost_or_sent_twice_is_found(received: list[int]) -> None:
    ledger = books()
    assert list(verdict.about_server(ledger, [1, 1, 1])) == []
    (problem,) = verdict.about_server(ledger, received)
    assert "call 1: 1 to 1 were sent" in problem


def test_a_request_that_may_have_arrived_need_not_have() -> None:
    ledger = books()
    ledger.possible[1] = 2
    for seen in (1, 2):
        assert list(verdict.about_server(ledger, [1, seen, 1])) == []


def test_a_call_that_metrics_do_not_know_is_found() -> None:
    pipeline = Counted(ResiliencePipeline.from_config())
    found = list(verdict.about_metrics(books(), MetricsSummary(), pipeline))
    assert len(found) == 2
    assert "{('GET', '200'): 3} too few" in found[0]


async def test_a_permit_that_is_held_is_found() -> None:
    bulkhead = Bulkhead()
    assert bulkhead.places(ORIGIN).try_enter()
    (problem,) = verdict.about_permits([bulkhead], [ORIGIN], IDLE)
    assert "in_flight=1" in problem


async def test_one_who_waits_for_a_permit_is_found() -> None:
    async with virtual_time():
        limiter = RateLimiter(RateLimiterConfig(permits=1))
        limiter.try_acquire(ORIGIN)
        limiter.gate(ORIGIN).queue(1)
        (problem,) = verdict.about_permits([limiter], [ORIGIN], IDLE)
    assert ORIGIN in problem


@pytest.mark.parametrize("name", ["in_use", "waiting"])
def test_a_place_in_the_pool_that_is_held_is_found(name: str) -> None:
    figures = {"in_use": 0, "idle": 0, "waiting": 0, "opened": 0, "reused": 0, name: 1}
    assert list(verdict.about_permits([], [], PoolStatistics(**figures)))


async def test_what_is_left_open_is_found() -> None:
    with open(__file__):  # noqa: ASYNC230, PTH123 - to have it open
        (problem,) = verdict.about_leaks(verdict.descriptors() - Counter([__file__]), 0)
    assert __file__ in problem
    assert len(list(verdict.about_leaks(verdict.descriptors(), 1))) == 1


def test_memory_may_grow_by_a_twentieth() -> None:
    assert list(verdict.about_memory(100, 105)) == []
    assert list(verdict.about_memory(100, 106))


def test_a_failure_has_the_word_that_metrics_have_for_it() -> None:
    late = HTTPTimeoutError("", phase="read", limit=1.0)
    assert word_for(late) == "timeout"
    assert word_for(HTTPConnectionError("", failure="dns")) == "connection_error"
    assert word_for(HTTPRetryExhaustedError("", last=late)) == "timeout"


@pytest.mark.parametrize("config", CONFIGURATIONS)
def test_a_pipeline_takes_what_it_is_told_in_the_soak(
    config: dict[str, object],
) -> None:
    pipeline = ResiliencePipeline.from_config(
        PipelineConfig.model_validate(BASE), random=Random(1)
    )
    pipeline.reconfigure(config)


@pytest.mark.parametrize("config", INVALID)
def test_a_pipeline_refuses_what_it_must(config: dict[str, object]) -> None:
    pipeline = ResiliencePipeline.from_config(PipelineConfig.model_validate(BASE))
    with pytest.raises(ValueError, match="validation error"):
        pipeline.reconfigure(config)
