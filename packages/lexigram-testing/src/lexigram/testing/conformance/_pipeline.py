"""Three doors to the behaviours of a pipeline of policies."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from functools import cache
from typing import TypeAlias, cast

from lexigram.contracts.clock import ClockProtocol
from lexigram.contracts.resilience import ResiliencePipelineProtocol
from lexigram.testing.conformance._behaviour import Behaviour, behaviours_of, chosen
from lexigram.testing.conformance._policies import pipelines
from lexigram.testing.conformance._policies.pipelines import PipelineFactory
from lexigram.testing.conformance._report import ConformanceReport
from lexigram.testing.conformance._suite import ConformanceSuite
from lexigram.testing.conformance._trying import report_on

__all__ = [
    "PipelineConformance",
    "check_pipeline",
    "pipeline_behaviours",
]

_Behaviour: TypeAlias = Behaviour[[PipelineFactory]]


def pipeline_behaviours(*, version: str) -> Sequence[_Behaviour]:
    """Return what every `ResiliencePipelineProtocol` does, for a parametrized test.

    Check one by `await behaviour.check(factory)`.

    Args:
        version: The version of lexigram-contracts that is implemented.

    Raises:
        ValueError: The version is none.
    """
    return chosen(_all(), version, None)


async def check_pipeline(
    factory: PipelineFactory,
    *,
    version: str,
    expected_failures: Mapping[str, str] | None = None,
) -> ConformanceReport:
    """Try every behaviour of a pipeline of policies, each with a new one.

    The running loop's time is virtual meanwhile.

    Args:
        factory: Makes a pipeline of any policies, which take the time from the clock that
            it is given.
        version: The version of lexigram-contracts that it implements.
        expected_failures: Behaviours that are known to fail, each with the reason.

    Raises:
        ConformanceError: One failed, or passed against expectation; lists them all.
        ValueError: An expected failure has no reason or is of no behaviour.
    """
    return await report_on(
        "ResiliencePipelineProtocol",
        pipeline_behaviours(version=version),
        lambda behaviour: behaviour.check(factory),
        version=version,
        expected_failures=expected_failures,
        known=[behaviour.id for behaviour in _all()],
    )


class PipelineConformance(ConformanceSuite, abstract=True):
    """Tests of an implementation of `ResiliencePipelineProtocol`.

    Example:
        class TestMyPipeline(PipelineConformance):
            version = "1.0"

            def make_pipeline(self, clock):
                return MyPipeline(clock=clock)
    """

    @abstractmethod
    def make_pipeline(self, clock: ClockProtocol) -> ResiliencePipelineProtocol:
        """Return a pipeline of any policies, on this clock."""
        raise NotImplementedError

    @classmethod
    def behaviours(cls) -> Sequence[Behaviour[...]]:
        """Return every behaviour of a pipeline of policies."""
        return _all()

    async def _attempt(self, behaviour: Behaviour[...]) -> None:
        await behaviour.check(self.make_pipeline)


@cache
def _all() -> tuple[_Behaviour, ...]:
    return tuple(cast("_Behaviour", found) for found in behaviours_of(pipelines))
