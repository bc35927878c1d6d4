"""Three doors to the behaviours of a bulkhead."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias

from lexigram.contracts.clock import ClockProtocol
from lexigram.contracts.resilience import BulkheadProtocol
from lexigram.testing.conformance._behaviour import Behaviour
from lexigram.testing.conformance._contract import Contract
from lexigram.testing.conformance._policies import bulkheading
from lexigram.testing.conformance._policies.bulkheading import BulkheadFactory
from lexigram.testing.conformance._report import ConformanceReport
from lexigram.testing.conformance._suite import ConformanceSuite

__all__ = [
    "BulkheadConformance",
    "bulkhead_behaviours",
    "check_bulkhead",
]

_Behaviour: TypeAlias = Behaviour[[BulkheadFactory]]
_CONTRACT: Final = Contract[[BulkheadFactory]]("BulkheadProtocol", bulkheading)


def bulkhead_behaviours(*, version: str) -> Sequence[_Behaviour]:
    """Return what every `BulkheadProtocol` does, for a parametrized test.

    Check one by `await behaviour.check(factory)`. A `version` that is none of
    lexigram-contracts is a `ValueError`.
    """
    return _CONTRACT.asked_by(version)


async def check_bulkhead(
    factory: BulkheadFactory,
    *,
    version: str,
    expected_failures: Mapping[str, str] | None = None,
) -> ConformanceReport:
    """Try every behaviour of a bulkhead, each with a new one.

    Time is virtual meanwhile; `version`, `expected_failures` and the errors are as for
    `check_http_client`.

    Args:
        factory: Makes a bulkhead of two places and a queue of three for each key, in which
            calls wait as long as it takes by the clock that it is given.
    """
    return await _CONTRACT.report(
        lambda behaviour: behaviour.check(factory),
        version=version,
        expected_failures=expected_failures,
    )


class BulkheadConformance(ConformanceSuite, abstract=True):
    """Tests of an implementation of `BulkheadProtocol`.

    Example:
        ```python
        class TestMyBulkhead(BulkheadConformance):
            version = "1.0"

            def make_bulkhead(self, clock):
                return MyBulkhead(places=2, queue=3, clock=clock)
        ```
    """

    _contract = _CONTRACT

    @abstractmethod
    def make_bulkhead(self, clock: ClockProtocol) -> BulkheadProtocol:
        """Return a bulkhead of two places and a queue of three for each key.

        In the queue calls wait as long as it takes, by this clock.
        """
        raise NotImplementedError

    async def _attempt(self, behaviour: Behaviour[...]) -> None:
        await behaviour.check(self.make_bulkhead)
