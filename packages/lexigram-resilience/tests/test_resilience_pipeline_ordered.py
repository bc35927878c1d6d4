"""Policies in an order of one's own."""

from __future__ import annotations

import warnings
from collections.abc import Awaitable, Callable
from typing import TypeVar

import pytest

from lexigram.contracts.resilience import (
    Call,
    ResiliencePipelineProtocol,
    RetryExhaustedError,
)
from lexigram.resilience import (
    AdaptiveConcurrency,
    AdaptiveThrottle,
    Bulkhead,
    Chaos,
    CircuitBreaker,
    Fallback,
    HedgePolicy,
    OrderedPipeline,
    PipelineWarning,
    RateLimiter,
    RetryConfig,
    RetryPolicy,
    Timeouts,
)
from lexigram.testing import virtual_time

T = TypeVar("T")

CALL: Call[str] = Call(key="somewhere")


class Layer:
    """A policy of somebody else's, which notes when it is passed."""

    def __init__(self, name: str, passed: list[str]) -> None:
        self._name = name
        self._passed = passed

    def __repr__(self) -> str:
        return f"<Layer {self._name}>"

    async def execute(
        self, operation: Callable[[], Awaitable[T]], call: Call[T] | None = None
    ) -> T:
        self._passed.append(f"{self._name} {call.key if call else None}")
        try:
            return await operation()
        finally:
            self._passed.append(f"{self._name} after")


class Gate:
    """A circuit breaker of somebody else's."""

    def __init__(self, passed: list[str]) -> None:
        self._passed = passed

    async def call(
        self, operation: Callable[[], Awaitable[T]], call: Call[T] | None = None
    ) -> T:
        self._passed.append(f"gate {call.key if call else None}")
        return await operation()


async def test_the_first_is_outermost_and_each_gets_the_call() -> None:
    passed: list[str] = []

    async def operation() -> str:
        passed.append("operation")
        return "fine"

    pipeline = OrderedPipeline(Layer("a", passed), Gate(passed), Layer("b", passed))
    assert isinstance(pipeline, ResiliencePipelineProtocol)
    assert await pipeline.execute(operation, CALL) == "fine"
    assert passed == [
        "a somewhere",
        "gate somewhere",
        "b somewhere",
        "operation",
        "b after",
        "a after",
    ]


async def test_without_a_call_the_policies_get_none() -> None:
    passed: list[str] = []

    async def operation() -> None:
        pass

    await OrderedPipeline(Layer("a", passed)).execute(operation)
    assert passed == ["a None", "a after"]


async def test_policies_of_both_kinds_run_in_one_pipeline() -> None:
    passed: list[str] = []
    retry = RetryPolicy(RetryConfig(max_attempts=2))
    breaker = CircuitBreaker("test")
    pipeline = OrderedPipeline(retry, Layer("a", passed), breaker)
    error = OSError("down")

    async def fail() -> str:
        raise error

    async with virtual_time():
        with pytest.raises(RetryExhaustedError) as caught:
            await pipeline.execute(fail, CALL)
    assert caught.value.last is error
    assert breaker.snapshot()["somewhere"].failures == 2
    assert passed == ["a somewhere", "a after"] * 2


def test_a_pipeline_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="of no policies protects nothing"):
        OrderedPipeline()


def test_its_repr_shows_the_policies_from_outside_to_inside() -> None:
    pipeline = OrderedPipeline(Layer("a", []), Layer("b", []))
    assert repr(pipeline) == "<OrderedPipeline <Layer a> > <Layer b>>"


COUNTS = "it sees one outcome where the upstream saw every attempt"
QUEUES = "each attempt queues again"
UNSEEN = "what it does to a call is never repeated or counted"
COVERS = "an answer that stands in for a failure counts as a success"
HEDGED = "each of its attempts is repeated by itself"


@pytest.mark.parametrize(
    ("outer", "inner", "effect"),
    [
        (CircuitBreaker("a"), RetryPolicy(), COUNTS),
        (AdaptiveConcurrency(), HedgePolicy(), COUNTS),
        (AdaptiveThrottle(), RetryPolicy(), COUNTS),
        (RetryPolicy(), RateLimiter(), QUEUES),
        (HedgePolicy(), Bulkhead(), QUEUES),
        (Chaos(), RetryPolicy(), UNSEEN),
        (Chaos(), CircuitBreaker("a"), UNSEEN),
        (RetryPolicy(), Fallback.value(1), COVERS),
        (CircuitBreaker("a"), Fallback.value(1), COVERS),
        (HedgePolicy(), RetryPolicy(), HEDGED),
    ],
    ids=lambda value: type(value).__name__,
)
def test_of_two_in_the_wrong_order_there_is_a_warning_where_it_is_written(
    outer: RetryPolicy, inner: RetryPolicy, effect: str
) -> None:
    def make() -> None:
        OrderedPipeline(outer, Timeouts(), inner, name="mine")

    with pytest.warns(PipelineWarning) as caught:
        make()
    (warning,) = caught
    message = str(warning.message)
    assert message.startswith(
        f"The pipeline 'mine' has {type(outer).__name__} around {type(inner).__name__}: "
        f"{effect}"
    )
    assert message.endswith(". Exchange them.")
    assert (warning.filename, warning.lineno) == (
        __file__,
        make.__code__.co_firstlineno + 1,
    )

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        OrderedPipeline(inner, Timeouts(), outer)


def test_each_pair_in_the_wrong_order_is_warned_of() -> None:
    with pytest.warns(PipelineWarning) as caught:
        OrderedPipeline(CircuitBreaker("a"), HedgePolicy(), RetryPolicy(), Bulkhead())
    assert len(caught) == 5
