"""Three doors to the behaviours of a circuit breaker."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from functools import cache
from typing import TypeAlias, cast

from lexigram.contracts.clock import ClockProtocol
from lexigram.contracts.resilience import CircuitBreakerProtocol
from lexigram.testing.conformance._behaviour import Behaviour, behaviours_of, chosen
from lexigram.testing.conformance._policies import breaking
from lexigram.testing.conformance._policies.breaking import BreakerFactory
from lexigram.testing.conformance._report import ConformanceReport
from lexigram.testing.conformance._suite import ConformanceSuite
from lexigram.testing.conformance._trying import report_on

__all__ = [
    "CircuitBreakerConformance",
    "check_circuit_breaker",
    "circuit_breaker_behaviours",
]

_Behaviour: TypeAlias = Behaviour[[BreakerFactory]]


def circuit_breaker_behaviours(*, version: str) -> Sequence[_Behaviour]:
    """Return what every `CircuitBreakerProtocol` does, for a parametrized test.

    Check one by `await behaviour.check(factory)`.

    Args:
        version: The version of lexigram-contracts that is implemented.

    Raises:
        ValueError: The version is none.
    """
    return chosen(_all(), version, None)


async def check_circuit_breaker(
    factory: BreakerFactory,
    *,
    version: str,
    expected_failures: Mapping[str, str] | None = None,
) -> ConformanceReport:
    """Try every behaviour of a circuit breaker, each with a new one.

    The running loop's time is virtual meanwhile.

    Args:
        factory: Makes a breaker that three failures in a row open, for ten seconds at most
            of the clock that it is given, and that one probe then closes or opens again.
        version: The version of lexigram-contracts that it implements.
        expected_failures: Behaviours that are known to fail, each with the reason.

    Raises:
        ConformanceError: One failed, or passed against expectation; lists them all.
        ValueError: An expected failure has no reason or is of no behaviour.
    """
    return await report_on(
        "CircuitBreakerProtocol",
        circuit_breaker_behaviours(version=version),
        lambda behaviour: behaviour.check(factory),
        version=version,
        expected_failures=expected_failures,
        known=[behaviour.id for behaviour in _all()],
    )


class CircuitBreakerConformance(ConformanceSuite, abstract=True):
    """Tests of an implementation of `CircuitBreakerProtocol`.

    Example:
        class TestMyBreaker(CircuitBreakerConformance):
            version = "1.0"

            def make_circuit_breaker(self, clock):
                return MyBreaker(failures=3, open_for=10.0, probes=1, clock=clock)
    """

    @abstractmethod
    def make_circuit_breaker(self, clock: ClockProtocol) -> CircuitBreakerProtocol:
        """Return a breaker that three failures in a row open, on this clock.

        It stays open for ten seconds at most and then admits one probe, which closes
        it or opens it again.
        """
        raise NotImplementedError

    @classmethod
    def behaviours(cls) -> Sequence[Behaviour[...]]:
        """Return every behaviour of a circuit breaker."""
        return _all()

    async def _attempt(self, behaviour: Behaviour[...]) -> None:
        await behaviour.check(self.make_circuit_breaker)


@cache
def _all() -> tuple[_Behaviour, ...]:
    return tuple(cast("_Behaviour", found) for found in behaviours_of(breaking))
