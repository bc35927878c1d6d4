"""Three doors to the behaviours of a pipeline of policies."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias

from lexigram.contracts.clock import ClockProtocol
from lexigram.contracts.resilience import ResiliencePipelineProtocol
from lexigram.testing.conformance._behaviour import Behaviour
from lexigram.testing.conformance._contract import Contract
from lexigram.testing.conformance._policies import pipelines
from lexigram.testing.conformance._policies.pipelines import PipelineFactory
from lexigram.testing.conformance._report import ConformanceReport
from lexigram.testing.conformance._suite import ConformanceSuite

__all__ = [
    "PipelineConformance",
    "check_pipeline",
    "pipeline_behaviours",
]

_Behaviour: TypeAlias = Behaviour[[PipelineFactory]]
_CONTRACT: Final = Contract[[PipelineFactory]]("ResiliencePipelineProtocol", pipelines)


def pipeline_behaviours(*, version: str) -> Sequence[_Behaviour]:
    """Return what every `ResiliencePipelineProtocol` does, for a parametrized test.

    Check one by `await behaviour.check(factory)`. A `version` that is none of
    lexigram-contracts is a `ValueError`.
    """
    return _CONTRACT.asked_by(version)


async def check_pipeline(
    factory: PipelineFactory,
    *,
    version: str,
    expected_failures: Mapping[str, str] | None = None,
) -> ConformanceReport:
    """Try every behaviour of a pipeline of policies, each with a new one.

    Time is virtual meanwhile; `version`, `expected_failures` and the errors are as for
    `check_http_client`.

    Args:
        factory: Makes a pipeline of any policies, which take the time from the clock that
            it is given.
    """
    return await _CONTRACT.report(
        lambda behaviour: behaviour.check(factory),
        version=version,
        expected_failures=expected_failures,
    )


class PipelineConformance(ConformanceSuite, abstract=True):
    """Tests of an implementation of `ResiliencePipelineProtocol`.

    Example:
        ```python
        class TestMyPipeline(PipelineConformance):
            version = "1.0"

            def make_pipeline(self, clock):
                return MyPipeline(clock=clock)
        ```
    """

    _contract = _CONTRACT

    @abstractmethod
    def make_pipeline(self, clock: ClockProtocol) -> ResiliencePipelineProtocol:
        """Return a pipeline of any policies, on this clock."""
        raise NotImplementedError

    async def _attempt(self, behaviour: Behaviour[...]) -> None:
        await behaviour.check(self.make_pipeline)
