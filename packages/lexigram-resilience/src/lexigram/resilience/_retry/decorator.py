"""A retry as a decorator, in one word."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, ParamSpec, TypeVar, overload

from lexigram.resilience._config.retry import RetryConfig
from lexigram.resilience._retry.judging import RetryOn
from lexigram.resilience._retry.policy import RetryPolicy

__all__ = ["retry"]

P = ParamSpec("P")
T = TypeVar("T")


@overload
def retry(
    config: RetryConfig | None = None, *, retry_on: RetryOn | None = None
) -> RetryPolicy: ...


@overload
def retry(
    config: Callable[P, Coroutine[Any, Any, T]],
) -> Callable[P, Coroutine[Any, Any, T]]: ...


def retry(config: Any = None, *, retry_on: RetryOn | None = None) -> Any:
    """Repeat an async function, or method, that raises.

    Each use makes a `RetryPolicy` of its own, with a budget of its own. Write
    `@policy` to decorate several functions with the same one.

    Args:
        config: How often and how far apart; or the function itself, where this is
            written without parentheses.
        retry_on: What is worth repeating: exception types, or a function of the
            exception. By default every `Exception` is.

    Raises:
        TypeError: What is decorated is no async function, or `retry_on` has something
            else than kinds of `Exception`.

    Example:
        ```python
        @retry(RetryConfig(max_attempts=5), retry_on=(ConnectionError, TimeoutError))
        async def load(table: str) -> list[Row]:
            return await connection.fetch(table)


        rows = await load("invoices")
        ```
    """
    if config is None or isinstance(config, RetryConfig):
        return RetryPolicy(config, retry_on=retry_on)
    return RetryPolicy(retry_on=retry_on)(config)
