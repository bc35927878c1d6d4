"""Three doors to the behaviours of a fallback."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeAlias

from lexigram.contracts.resilience import FallbackProtocol
from lexigram.testing.conformance._behaviour import Behaviour
from lexigram.testing.conformance._contract import Contract
from lexigram.testing.conformance._policies import falling_back
from lexigram.testing.conformance._policies.falling_back import FallbackFactory
from lexigram.testing.conformance._report import ConformanceReport
from lexigram.testing.conformance._suite import ConformanceSuite

__all__ = [
    "FallbackConformance",
    "check_fallback",
    "fallback_behaviours",
]

_Behaviour: TypeAlias = Behaviour[[FallbackFactory]]
_CONTRACT: Final = Contract[[FallbackFactory]]("FallbackProtocol", falling_back)


def fallback_behaviours(*, version: str) -> Sequence[_Behaviour]:
    """Return what every `FallbackProtocol` does, for a parametrized test.

    Check one by `await behaviour.check(factory)`. A `version` that is none of
    lexigram-contracts is a `ValueError`.
    """
    return _CONTRACT.asked_by(version)


async def check_fallback(
    factory: FallbackFactory,
    *,
    version: str,
    expected_failures: Mapping[str, str] | None = None,
) -> ConformanceReport:
    """Try every behaviour of a fallback, each with a new one.

    Time is virtual meanwhile; `version`, `expected_failures` and the errors are as for
    `check_http_client`.

    Args:
        factory: Makes a fallback that answers "instead" to whatever the judge of a call
            calls a failure.
    """
    return await _CONTRACT.report(
        lambda behaviour: behaviour.check(factory),
        version=version,
        expected_failures=expected_failures,
    )


class FallbackConformance(ConformanceSuite, abstract=True):
    """Tests of an implementation of `FallbackProtocol`.

    Example:
        ```python
        class TestMyFallback(FallbackConformance):
            version = "1.0"

            def make_fallback(self):
                return MyFallback("instead")
        ```
    """

    _contract = _CONTRACT

    @abstractmethod
    def make_fallback(self) -> FallbackProtocol[Any]:
        """Return a fallback that answers "instead" to what a judge calls a failure."""
        raise NotImplementedError

    async def _attempt(self, behaviour: Behaviour[...]) -> None:
        await behaviour.check(self.make_fallback)
