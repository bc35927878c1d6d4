"""A value or an error, as one typed object.

`Result[T, E]` is `Ok[T] | Err[E]`. The absent side of each is a property typed
`Never`, so that `result.error` after `if result.is_err()` and `result.value` after
the early return are exact without any narrowing; truth tests, `match`, `isinstance`
and the free functions `is_ok` and `is_err` narrow as well.

Example:
    >>> def half(n: int) -> Result[int, str]:
    ...     return Ok(n // 2) if n % 2 == 0 else Err(f"{n} is odd")
    >>> half(4).map(lambda n: n + 1)
    Ok(value=3)
    >>> half(3).unwrap_or(0)
    0
"""

from lexigram.result._combinators import (
    acatch,
    catch,
    collect,
    is_err,
    is_ok,
    partition,
)
from lexigram.result._result import Err, Ok, Result, UnwrapError

__all__ = [
    "Err",
    "Ok",
    "Result",
    "UnwrapError",
    "acatch",
    "catch",
    "collect",
    "is_err",
    "is_ok",
    "partition",
]
