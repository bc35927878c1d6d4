"""Three doors to the behaviours of a circuit breaker."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias

from lexigram.contracts.clock import ClockProtocol
from lexigram.contracts.resilience import CircuitBreakerProtocol
from lexigram.testing.conformance._behaviour import Behaviour
from lexigram.testing.conformance._contract import Contract
from lexigram.testing.conformance._policies import breaking
from lexigram.testing.conformance._policies.breaking import BreakerFactory
from lexigram.testing.conformance._report import ConformanceReport
from lexigram.testing.conformance._suite import ConformanceSuite

__all__ = [
    "CircuitBreakerConformance",
    "check_circuit_breaker",
    "circuit_breaker_behaviours",
]

_Behaviour: TypeAlias = Behaviour[[BreakerFactory]]
_CONTRACT: Final = Contract[[BreakerFactory]]("CircuitBreakerProtocol", breaking)


def circuit_breaker_behaviours(*, version: str) -> Sequence[_Behaviour]:
    """Return what every `CircuitBreakerProtocol` does, for a parametrized test.

    Check one by `await behaviour.check(factory)`. A `version` that is none of
    lexigram-contracts is a `ValueError`.
    """
    return _CONTRACT.asked_by(version)


async def check_circuit_breaker(
    factory: BreakerFactory,
    *,
    version: str,
    expected_failures: Mapping[str, str] | None = None,
) -> ConformanceReport:
    """Try every behaviour of a circuit breaker, each with a new one.

    Time is virtual meanwhile; `version`, `expected_failures` and the errors are as for
    `check_http_client`.

    Args:
        factory: Makes a breaker that three failures in a row open, for ten seconds at most
            of the clock that it is given, and that one probe then closes or opens again.
    """
    return await _CONTRACT.report(
        lambda behaviour: behaviour.check(factory),
        version=version,
        expected_failures=expected_failures,
    )


class CircuitBreakerConformance(ConformanceSuite, abstract=True):
    """Tests of an implementation of `CircuitBreakerProtocol`.

    Example:
        ```python
        class TestMyBreaker(CircuitBreakerConformance):
            version = "1.0"

            def make_circuit_breaker(self, clock):
                return MyBreaker(failures=3, open_for=10.0, probes=1, clock=clock)
        ```
    """

    _contract = _CONTRACT

    @abstractmethod
    def make_circuit_breaker(self, clock: ClockProtocol) -> CircuitBreakerProtocol:
        """Return a breaker that three failures in a row open, on this clock.

        It stays open for ten seconds at most and then admits one probe, which closes
        it or opens it again.
        """
        raise NotImplementedError

    async def _attempt(self, behaviour: Behaviour[...]) -> None:
        await behaviour.check(self.make_circuit_breaker)
