"""Three doors to the behaviours of a rate limiter."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from functools import cache
from typing import TypeAlias, cast

from lexigram.contracts.clock import ClockProtocol
from lexigram.contracts.resilience import RateLimiterProtocol
from lexigram.testing.conformance._behaviour import Behaviour, behaviours_of, chosen
from lexigram.testing.conformance._policies import limiting
from lexigram.testing.conformance._policies.limiting import LimiterFactory
from lexigram.testing.conformance._report import ConformanceReport
from lexigram.testing.conformance._suite import ConformanceSuite
from lexigram.testing.conformance._trying import report_on

__all__ = [
    "RateLimiterConformance",
    "check_rate_limiter",
    "rate_limiter_behaviours",
]

_Behaviour: TypeAlias = Behaviour[[LimiterFactory]]


def rate_limiter_behaviours(*, version: str) -> Sequence[_Behaviour]:
    """Return what every `RateLimiterProtocol` does, for a parametrized test.

    Check one by `await behaviour.check(factory)`.

    Args:
        version: The version of lexigram-contracts that is implemented.

    Raises:
        ValueError: The version is none.
    """
    return chosen(_all(), version, None)


async def check_rate_limiter(
    factory: LimiterFactory,
    *,
    version: str,
    expected_failures: Mapping[str, str] | None = None,
) -> ConformanceReport:
    """Try every behaviour of a rate limiter, each with a new one.

    The running loop's time is virtual meanwhile.

    Args:
        factory: Makes a limiter of five permits a second of the clock that it is given,
            that gives five at once after a pause.
        version: The version of lexigram-contracts that it implements.
        expected_failures: Behaviours that are known to fail, each with the reason.

    Raises:
        ConformanceError: One failed, or passed against expectation; lists them all.
        ValueError: An expected failure has no reason or is of no behaviour.
    """
    return await report_on(
        "RateLimiterProtocol",
        rate_limiter_behaviours(version=version),
        lambda behaviour: behaviour.check(factory),
        version=version,
        expected_failures=expected_failures,
        known=[behaviour.id for behaviour in _all()],
    )


class RateLimiterConformance(ConformanceSuite, abstract=True):
    """Tests of an implementation of `RateLimiterProtocol`.

    Example:
        class TestMyLimiter(RateLimiterConformance):
            version = "1.0"

            def make_rate_limiter(self, clock):
                return MyLimiter(per_second=5, burst=5, clock=clock)
    """

    @abstractmethod
    def make_rate_limiter(self, clock: ClockProtocol) -> RateLimiterProtocol:
        """Return a limiter of five permits a second, five at once, on this clock.

        Between any two moments it gives never more than five and what comes meanwhile.
        """
        raise NotImplementedError

    @classmethod
    def behaviours(cls) -> Sequence[Behaviour[...]]:
        """Return every behaviour of a rate limiter."""
        return _all()

    async def _attempt(self, behaviour: Behaviour[...]) -> None:
        await behaviour.check(self.make_rate_limiter)


@cache
def _all() -> tuple[_Behaviour, ...]:
    return tuple(cast("_Behaviour", found) for found in behaviours_of(limiting))
