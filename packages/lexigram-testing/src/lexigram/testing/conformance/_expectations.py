"""What a check expects; a failure says what was expected, and what came.

No `assert`: these run in other people's test suites, with or without the rewriting of
assertions, and under `python -O`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any, NoReturn, TypeVar, cast

from lexigram.contracts.web import HTTPClientError, HttpResponse
from lexigram.result import Err, Ok
from lexigram.testing.conformance._backend import Backend

__all__ = [
    "elapsed",
    "expect",
    "expect_calls",
    "expect_equal",
    "expect_err",
    "expect_ok",
    "expect_raised",
    "fail",
    "now",
]

E = TypeVar("E", bound=BaseException)
H = TypeVar("H", bound=HTTPClientError)


def now() -> float:
    """Return the time of the running loop."""
    return asyncio.get_running_loop().time()


def elapsed(began: float) -> float:
    """Return the seconds since then, without the noise of binary fractions."""
    return round(now() - began, 6)


def fail(message: str) -> NoReturn:
    """Fail the behaviour."""
    raise AssertionError(message)


def expect(condition: object, otherwise: str) -> None:
    """Require something; `otherwise` is the sentence of its failure."""
    if not condition:
        fail(otherwise)


def expect_equal(what: str, actual: object, expected: object) -> None:
    """Require a value."""
    if actual != expected:
        fail(f"{what}: expected {expected!r}, got {actual!r}.")


def expect_calls(backend: Backend, number: int) -> None:
    """Require how many requests came to the backend."""
    seen = len(backend.calls)
    if seen != number:
        fail(
            f"Expected {number} request(s) at the upstream, got {seen}:\n"
            f"{backend.calls.render()}"
        )


def expect_ok(result: Any) -> HttpResponse:
    """Require `Ok` and return its response."""
    if not isinstance(result, Ok):
        fail(f"Expected Ok(HttpResponse), got {result!r}.")
    value: object = cast("Ok[object]", result).value
    if not isinstance(value, HttpResponse):
        fail(f"Expected an HttpResponse, got {value!r}.")
    return value


def expect_err(result: Any, kind: type[H]) -> H:
    """Require `Err` of this kind and return its error."""
    if not isinstance(result, Err):
        fail(f"Expected Err({kind.__name__}), got {result!r}.")
    error: object = cast("Err[object]", result).error
    if not isinstance(error, kind):
        fail(f"Expected Err({kind.__name__}), got Err({error!r}).")
    return error


async def expect_raised(kind: type[E], call: Awaitable[object]) -> E:
    """Require that a call raises and return what it raised."""
    try:
        result = await call
    except kind as error:
        return error
    fail(f"Expected {kind.__name__} to be raised, got {result!r}.")
