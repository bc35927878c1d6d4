"""Three doors to the behaviours of a bulkhead."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from functools import cache
from typing import TypeAlias, cast

from lexigram.contracts.clock import ClockProtocol
from lexigram.contracts.resilience import BulkheadProtocol
from lexigram.testing.conformance._behaviour import Behaviour, behaviours_of, chosen
from lexigram.testing.conformance._policies import bulkheading
from lexigram.testing.conformance._policies.bulkheading import BulkheadFactory
from lexigram.testing.conformance._report import ConformanceReport
from lexigram.testing.conformance._suite import ConformanceSuite
from lexigram.testing.conformance._trying import report_on

__all__ = [
    "BulkheadConformance",
    "bulkhead_behaviours",
    "check_bulkhead",
]

_Behaviour: TypeAlias = Behaviour[[BulkheadFactory]]


def bulkhead_behaviours(*, version: str) -> Sequence[_Behaviour]:
    """Return what every `BulkheadProtocol` does, for a parametrized test.

    Check one by `await behaviour.check(factory)`.

    Args:
        version: The version of lexigram-contracts that is implemented.

    Raises:
        ValueError: The version is none.
    """
    return chosen(_all(), version, None)


async def check_bulkhead(
    factory: BulkheadFactory,
    *,
    version: str,
    expected_failures: Mapping[str, str] | None = None,
) -> ConformanceReport:
    """Try every behaviour of a bulkhead, each with a new one.

    The running loop's time is virtual meanwhile.

    Args:
        factory: Makes a bulkhead of two places and a queue of three for each key, in which
            calls wait as long as it takes by the clock that it is given.
        version: The version of lexigram-contracts that it implements.
        expected_failures: Behaviours that are known to fail, each with the reason.

    Raises:
        ConformanceError: One failed, or passed against expectation; lists them all.
        ValueError: An expected failure has no reason or is of no behaviour.
    """
    return await report_on(
        "BulkheadProtocol",
        bulkhead_behaviours(version=version),
        lambda behaviour: behaviour.check(factory),
        version=version,
        expected_failures=expected_failures,
        known=[behaviour.id for behaviour in _all()],
    )


class BulkheadConformance(ConformanceSuite, abstract=True):
    """Tests of an implementation of `BulkheadProtocol`.

    Example:
        class TestMyBulkhead(BulkheadConformance):
            version = "1.0"

            def make_bulkhead(self, clock):
                return MyBulkhead(places=2, queue=3, clock=clock)
    """

    @abstractmethod
    def make_bulkhead(self, clock: ClockProtocol) -> BulkheadProtocol:
        """Return a bulkhead of two places and a queue of three for each key.

        In the queue calls wait as long as it takes, by this clock.
        """
        raise NotImplementedError

    @classmethod
    def behaviours(cls) -> Sequence[Behaviour[...]]:
        """Return every behaviour of a bulkhead."""
        return _all()

    async def _attempt(self, behaviour: Behaviour[...]) -> None:
        await behaviour.check(self.make_bulkhead)


@cache
def _all() -> tuple[_Behaviour, ...]:
    return tuple(cast("_Behaviour", found) for found in behaviours_of(bulkheading))
