"""Three doors to the behaviours of a rate limiter."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias

from lexigram.contracts.clock import ClockProtocol
from lexigram.contracts.resilience import RateLimiterProtocol
from lexigram.testing.conformance._behaviour import Behaviour
from lexigram.testing.conformance._contract import Contract
from lexigram.testing.conformance._policies import limiting
from lexigram.testing.conformance._policies.limiting import LimiterFactory
from lexigram.testing.conformance._report import ConformanceReport
from lexigram.testing.conformance._suite import ConformanceSuite

__all__ = [
    "RateLimiterConformance",
    "check_rate_limiter",
    "rate_limiter_behaviours",
]

_Behaviour: TypeAlias = Behaviour[[LimiterFactory]]
_CONTRACT: Final = Contract[[LimiterFactory]]("RateLimiterProtocol", limiting)


def rate_limiter_behaviours(*, version: str) -> Sequence[_Behaviour]:
    """Return what every `RateLimiterProtocol` does, for a parametrized test.

    Check one by `await behaviour.check(factory)`. A `version` that is none of
    lexigram-contracts is a `ValueError`.
    """
    return _CONTRACT.asked_by(version)


async def check_rate_limiter(
    factory: LimiterFactory,
    *,
    version: str,
    expected_failures: Mapping[str, str] | None = None,
) -> ConformanceReport:
    """Try every behaviour of a rate limiter, each with a new one.

    Time is virtual meanwhile; `version`, `expected_failures` and the errors are as for
    `check_http_client`.

    Args:
        factory: Makes a limiter of five permits a second of the clock that it is given,
            that gives five at once after a pause.
    """
    return await _CONTRACT.report(
        lambda behaviour: behaviour.check(factory),
        version=version,
        expected_failures=expected_failures,
    )


class RateLimiterConformance(ConformanceSuite, abstract=True):
    """Tests of an implementation of `RateLimiterProtocol`.

    Example:
        ```python
        class TestMyLimiter(RateLimiterConformance):
            version = "1.0"

            def make_rate_limiter(self, clock):
                return MyLimiter(per_second=5, burst=5, clock=clock)
        ```
    """

    _contract = _CONTRACT

    @abstractmethod
    def make_rate_limiter(self, clock: ClockProtocol) -> RateLimiterProtocol:
        """Return a limiter of five permits a second, five at once, on this clock.

        Between any two moments it gives never more than five and what comes meanwhile.
        """
        raise NotImplementedError

    async def _attempt(self, behaviour: Behaviour[...]) -> None:
        await behaviour.check(self.make_rate_limiter)
