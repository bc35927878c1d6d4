"""Three doors to the behaviours of a fallback."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, TypeAlias, cast

from lexigram.contracts.resilience import FallbackProtocol
from lexigram.testing.conformance._behaviour import Behaviour, behaviours_of, chosen
from lexigram.testing.conformance._policies import falling_back
from lexigram.testing.conformance._policies.falling_back import FallbackFactory
from lexigram.testing.conformance._report import ConformanceReport
from lexigram.testing.conformance._suite import ConformanceSuite
from lexigram.testing.conformance._trying import report_on

__all__ = [
    "FallbackConformance",
    "check_fallback",
    "fallback_behaviours",
]

_Behaviour: TypeAlias = Behaviour[[FallbackFactory]]


def fallback_behaviours(*, version: str) -> Sequence[_Behaviour]:
    """Return what every `FallbackProtocol` does, for a parametrized test.

    Check one by `await behaviour.check(factory)`.

    Args:
        version: The version of lexigram-contracts that is implemented.

    Raises:
        ValueError: The version is none.
    """
    return chosen(_all(), version, None)


async def check_fallback(
    factory: FallbackFactory,
    *,
    version: str,
    expected_failures: Mapping[str, str] | None = None,
) -> ConformanceReport:
    """Try every behaviour of a fallback, each with a new one.

    The running loop's time is virtual meanwhile.

    Args:
        factory: Makes a fallback that answers "instead" to whatever the judge of a call
            calls a failure.
        version: The version of lexigram-contracts that it implements.
        expected_failures: Behaviours that are known to fail, each with the reason.

    Raises:
        ConformanceError: One failed, or passed against expectation; lists them all.
        ValueError: An expected failure has no reason or is of no behaviour.
    """
    return await report_on(
        "FallbackProtocol",
        fallback_behaviours(version=version),
        lambda behaviour: behaviour.check(factory),
        version=version,
        expected_failures=expected_failures,
        known=[behaviour.id for behaviour in _all()],
    )


class FallbackConformance(ConformanceSuite, abstract=True):
    """Tests of an implementation of `FallbackProtocol`.

    Example:
        class TestMyFallback(FallbackConformance):
            version = "1.0"

            def make_fallback(self):
                return MyFallback("instead")
    """

    @abstractmethod
    def make_fallback(self) -> FallbackProtocol[Any]:
        """Return a fallback that answers "instead" to what a judge calls a failure."""
        raise NotImplementedError

    @classmethod
    def behaviours(cls) -> Sequence[Behaviour[...]]:
        """Return every behaviour of a fallback."""
        return _all()

    async def _attempt(self, behaviour: Behaviour[...]) -> None:
        await behaviour.check(self.make_fallback)


@cache
def _all() -> tuple[_Behaviour, ...]:
    return tuple(cast("_Behaviour", found) for found in behaviours_of(falling_back))
