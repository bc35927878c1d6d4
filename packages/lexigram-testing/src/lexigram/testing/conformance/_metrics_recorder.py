"""Three doors to the behaviours of a metrics recorder."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias

from lexigram.contracts.metrics import MetricsRecorderProtocol
from lexigram.testing.conformance._behaviour import Behaviour
from lexigram.testing.conformance._contract import Contract
from lexigram.testing.conformance._policies import recording
from lexigram.testing.conformance._policies.recording import MetricsFactory
from lexigram.testing.conformance._report import ConformanceReport
from lexigram.testing.conformance._suite import ConformanceSuite

__all__ = [
    "MetricsRecorderConformance",
    "check_metrics_recorder",
    "metrics_recorder_behaviours",
]

_Behaviour: TypeAlias = Behaviour[[MetricsFactory]]
_CONTRACT: Final = Contract[[MetricsFactory]]("MetricsRecorderProtocol", recording)


def metrics_recorder_behaviours(*, version: str) -> Sequence[_Behaviour]:
    """Return what every `MetricsRecorderProtocol` does, for a parametrized test.

    Check one by `await behaviour.check(factory)`. A `version` that is none of
    lexigram-contracts is a `ValueError`.
    """
    return _CONTRACT.asked_by(version)


async def check_metrics_recorder(
    factory: MetricsFactory,
    *,
    version: str,
    expected_failures: Mapping[str, str] | None = None,
) -> ConformanceReport:
    """Try every behaviour of a metrics recorder, each with a new one.

    Time is virtual meanwhile; `version`, `expected_failures` and the errors are as for
    `check_http_client`.

    Args:
        factory: Makes a recorder.
    """
    return await _CONTRACT.report(
        lambda behaviour: behaviour.check(factory),
        version=version,
        expected_failures=expected_failures,
    )


class MetricsRecorderConformance(ConformanceSuite, abstract=True):
    """Tests of an implementation of `MetricsRecorderProtocol`.

    Example:
        ```python
        class TestMyRecorder(MetricsRecorderConformance):
            version = "1.0"

            def make_metrics_recorder(self):
                return MyRecorder()
        ```
    """

    _contract = _CONTRACT

    @abstractmethod
    def make_metrics_recorder(self) -> MetricsRecorderProtocol:
        """Return a recorder."""
        raise NotImplementedError

    async def _attempt(self, behaviour: Behaviour[...]) -> None:
        await behaviour.check(self.make_metrics_recorder)
