"""Whether, and when, an interrupted download asks for the rest."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import random as random_share
from typing import Final

from lexigram.contracts.web import (
    HTTPCircuitOpenError,
    HTTPClientError,
    HTTPConnectionError,
    HTTPRejectedError,
    HTTPRetryExhaustedError,
    HTTPStatusError,
    HTTPTimeoutError,
)
from lexigram.contracts.web.calling import retry_after

# What an answer has to bring to count as success: a server that gives a few bytes and
# hangs up is not worth asking for ever.
_GAIN: Final = 1024 * 1024

# A connection that ended within the answer, or before it.
_LOST: Final = frozenset({"disconnected", "truncated"})

# Doubling further makes no difference to any limit, and would overflow in the end.
_MOST_DOUBLINGS: Final = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Resume:
    """How a download that is interrupted goes on.

    The wait doubles with each request in a row that brings less than 1 MiB.

    Raises:
        ValueError: A number is out of its range.
    """

    attempts: int = 8
    """Most requests in a row that bring less than 1 MiB; 0 leaves it to the next call."""
    delay: float = 1.0
    """Seconds before the first of them."""
    max_delay: float = 60.0
    """Most seconds before one, `jitter` aside. A longer Retry-After ends the download."""
    jitter: float = 0.5
    """Largest share of a wait that is added to it by chance."""

    def __post_init__(self) -> None:
        for name in ("attempts", "delay", "max_delay", "jitter"):
            value = getattr(self, name)
            if not 0 <= value < float("inf"):
                raise ValueError(f"{name}={value!r} is not a number from 0 on.")


class Resumption:
    """Counts the interruptions of one download.

    Args:
        plan: What is allowed.
        random: Returns a number from 0 to 1 for the jitter.

    Example:
        >>> resumption = Resumption(Resume(attempts=2, delay=1.0, jitter=0.0))
        >>> [resumption.wait(0, None) for _ in range(3)]
        [1.0, 2.0, None]
    """

    __slots__ = ("_plan", "_random", "failures", "interruptions")

    failures: int
    """The requests in a row that brought little."""
    interruptions: int
    """The requests that did not come to the end."""

    def __init__(
        self, plan: Resume, random: Callable[[], float] = random_share
    ) -> None:
        self._plan = plan
        self._random = random
        self.failures = 0
        self.interruptions = 0

    def wait(self, gained: int, error: HTTPClientError | None) -> float | None:
        """Note an interruption; return the seconds to wait, None to give up.

        Args:
            gained: The bytes that the request brought.
            error: What ended it; None when the server did, as with a smaller part.
        """
        plan = self._plan
        if gained >= _GAIN:
            self.failures = 0
            if error is None and plan.attempts:
                return 0.0
        self.failures += 1
        self.interruptions += 1
        asked = _asked_to_wait(error)
        if self.failures > plan.attempts or asked > plan.max_delay:
            return None
        doubled = plan.delay * (1 << min(self.failures - 1, _MOST_DOUBLINGS))
        return max(asked, min(doubled, plan.max_delay)) * (
            1 + plan.jitter * self._random()
        )


def may_pass(error: HTTPClientError) -> bool:
    """Say whether the rest may be had after such a failure."""
    if isinstance(error, HTTPRetryExhaustedError):
        return may_pass(error.last)
    if isinstance(error, HTTPConnectionError):
        return error.retryable or error.failure in _LOST
    passing = HTTPTimeoutError | HTTPCircuitOpenError | HTTPRejectedError
    return error.retryable or isinstance(error, passing)


def _asked_to_wait(error: HTTPClientError | None) -> float:
    """Return the seconds that a failure asks for."""
    if isinstance(error, HTTPStatusError):
        return retry_after(error.response) or 0.0
    if isinstance(error, HTTPCircuitOpenError | HTTPRejectedError):
        return error.retry_after or 0.0
    return 0.0
