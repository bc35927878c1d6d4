"""METRICS-001 to 009: what `MetricsRecorderProtocol` asks of a recorder."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from types import MappingProxyType
from typing import Any, TypeAlias

from lexigram.contracts.metrics import MetricsRecorderProtocol
from lexigram.testing.conformance._behaviour import behaviour
from lexigram.testing.conformance._expectations import expect, expect_equal
from lexigram.testing.conformance._implements import assert_implements

MetricsFactory: TypeAlias = Callable[[], MetricsRecorderProtocol]
"""Makes a recorder."""


@behaviour("METRICS-001")
async def implements_the_protocol(make: MetricsFactory) -> None:
    """The recorder has the protocol's methods, with their parameters."""
    assert_implements(MetricsRecorderProtocol, make())


@behaviour("METRICS-002")
async def it_returns_at_once(make: MetricsFactory) -> None:
    """Nothing that it returns has to be awaited."""
    for method in _methods(make()):
        result = method("http.requests", 1)
        expect(
            not inspect.isawaitable(result),
            f"{method.__name__}() returned {result!r}, which nobody awaits.",
        )


@behaviour("METRICS-003")
async def values_are_numbers_of_any_kind(make: MetricsFactory) -> None:
    """Values may be zero, negative where it makes sense, whole or broken."""
    recorder = make()
    recorder.increment("http.requests")
    recorder.increment("http.requests", 3)
    for value in (0, -1, 2.5, 10**12):
        recorder.gauge("http.pool.open", value)
    for value in (0, 0.0, 1e-9, 30, 3600.5):
        recorder.histogram("http.duration", value)


@behaviour("METRICS-004")
async def tags_may_be_left_out_or_differ(make: MetricsFactory) -> None:
    """One name may be recorded without tags, with none, and with others."""
    tags: tuple[dict[str, str] | None, ...] = (
        None,
        {},
        {"method": "GET"},
        {"method": "GET", "status": "200"},
    )
    for method in _methods(make()):
        for given in tags:
            method("http.requests", 1, given)
            method("http.requests", 1, tags=given)


@behaviour("METRICS-005")
async def tags_stay_the_callers(make: MetricsFactory) -> None:
    """Tags may be any mapping, and are not changed."""
    own = {"method": "GET"}
    for method in _methods(make()):
        method("http.requests", 1, MappingProxyType(own))
        method("http.requests", 1, own)
        expect_equal("The tags", own, {"method": "GET"})


def _methods(recorder: MetricsRecorderProtocol) -> Iterator[Callable[..., Any]]:
    yield recorder.increment
    yield recorder.gauge
    yield recorder.histogram
