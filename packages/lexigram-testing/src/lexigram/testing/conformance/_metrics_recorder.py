"""Three doors to the behaviours of a metrics recorder."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from functools import cache
from typing import TypeAlias, cast

from lexigram.contracts.metrics import MetricsRecorderProtocol
from lexigram.testing.conformance._behaviour import Behaviour, behaviours_of, chosen
from lexigram.testing.conformance._policies import recording
from lexigram.testing.conformance._policies.recording import MetricsFactory
from lexigram.testing.conformance._report import ConformanceReport
from lexigram.testing.conformance._suite import ConformanceSuite
from lexigram.testing.conformance._trying import report_on

__all__ = [
    "MetricsRecorderConformance",
    "check_metrics_recorder",
    "metrics_recorder_behaviours",
]

_Behaviour: TypeAlias = Behaviour[[MetricsFactory]]


def metrics_recorder_behaviours(*, version: str) -> Sequence[_Behaviour]:
    """Return what every `MetricsRecorderProtocol` does, for a parametrized test.

    Check one by `await behaviour.check(factory)`.

    Args:
        version: The version of lexigram-contracts that is implemented.

    Raises:
        ValueError: The version is none.
    """
    return chosen(_all(), version, None)


async def check_metrics_recorder(
    factory: MetricsFactory,
    *,
    version: str,
    expected_failures: Mapping[str, str] | None = None,
) -> ConformanceReport:
    """Try every behaviour of a metrics recorder, each with a new one.

    The running loop's time is virtual meanwhile.

    Args:
        factory: Makes a recorder.
        version: The version of lexigram-contracts that it implements.
        expected_failures: Behaviours that are known to fail, each with the reason.

    Raises:
        ConformanceError: One failed, or passed against expectation; lists them all.
        ValueError: An expected failure has no reason or is of no behaviour.
    """
    return await report_on(
        "MetricsRecorderProtocol",
        metrics_recorder_behaviours(version=version),
        lambda behaviour: behaviour.check(factory),
        version=version,
        expected_failures=expected_failures,
        known=[behaviour.id for behaviour in _all()],
    )


class MetricsRecorderConformance(ConformanceSuite, abstract=True):
    """Tests of an implementation of `MetricsRecorderProtocol`.

    Example:
        class TestMyRecorder(MetricsRecorderConformance):
            version = "1.0"

            def make_metrics_recorder(self):
                return MyRecorder()
    """

    @abstractmethod
    def make_metrics_recorder(self) -> MetricsRecorderProtocol:
        """Return a recorder."""
        raise NotImplementedError

    @classmethod
    def behaviours(cls) -> Sequence[Behaviour[...]]:
        """Return every behaviour of a metrics recorder."""
        return _all()

    async def _attempt(self, behaviour: Behaviour[...]) -> None:
        await behaviour.check(self.make_metrics_recorder)


@cache
def _all() -> tuple[_Behaviour, ...]:
    return tuple(cast("_Behaviour", found) for found in behaviours_of(recording))
