"""Several who watch, behind the two keys that a client and a pipeline look for.

`MetricsRecorderProtocol` and `InterceptorChainProtocol` can each be bound once. Modules
that watch bind theirs under a name of `RECORDERS` or `INTERCEPTORS` and import the two
modules here, which put together what is there.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final

from lexigram.contracts.di import ModuleDefinition, ModuleSource, Named, bind
from lexigram.contracts.metrics import MetricsRecorderProtocol
from lexigram.contracts.web import InterceptorChainProtocol, InterceptorProtocol

__all__ = [
    "OTEL_INTERCEPTOR",
    "OTEL_RECORDER",
    "PROMETHEUS_RECORDER",
    "SUMMARY_INTERCEPTOR",
    "SUMMARY_RECORDER",
    "FanOut",
    "observers",
]

_logger = logging.getLogger("lexigram.metrics")

_OTelRecorder = Annotated[MetricsRecorderProtocol, Named("otel")]
_PrometheusRecorder = Annotated[MetricsRecorderProtocol, Named("prometheus")]
_SummaryRecorder = Annotated[MetricsRecorderProtocol, Named("summary")]
_OTelInterceptor = Annotated[InterceptorProtocol, Named("otel")]
_SummaryInterceptor = Annotated[InterceptorProtocol, Named("summary")]

# The same as values: an alias that checkers read in a hint is no key to them.
OTEL_RECORDER: Final[Any] = _OTelRecorder
PROMETHEUS_RECORDER: Final[Any] = _PrometheusRecorder
SUMMARY_RECORDER: Final[Any] = _SummaryRecorder
OTEL_INTERCEPTOR: Final[Any] = _OTelInterceptor
SUMMARY_INTERCEPTOR: Final[Any] = _SummaryInterceptor


def observers(*, chain: bool) -> tuple[ModuleSource, ...]:
    """Return the modules that one which watches imports.

    Args:
        chain: Whether an interceptor chain is to be bound; an application that binds one
            of its own puts the interceptors into that.
    """
    return (_RECORDERS, _CHAIN) if chain else (_RECORDERS,)


class FanOut(MetricsRecorderProtocol):
    """Hands each number to several recorders; one that raises keeps it from none."""

    def __init__(self, *recorders: MetricsRecorderProtocol) -> None:
        self._recorders = recorders
        self._failed = False

    def __repr__(self) -> str:
        return f"FanOut({', '.join(map(repr, self._recorders))})"

    def increment(
        self, name: str, value: int = 1, tags: Mapping[str, str] | None = None
    ) -> None:
        """Add to a counter of each."""
        self._tell(lambda recorder: recorder.increment(name, value, tags))

    def gauge(
        self, name: str, value: float, tags: Mapping[str, str] | None = None
    ) -> None:
        """Set a gauge of each."""
        self._tell(lambda recorder: recorder.gauge(name, value, tags))

    def histogram(
        self, name: str, value: float, tags: Mapping[str, str] | None = None
    ) -> None:
        """Add an observation to each."""
        self._tell(lambda recorder: recorder.histogram(name, value, tags))

    def _tell(self, record: Callable[[MetricsRecorderProtocol], None]) -> None:
        for recorder in self._recorders:
            try:
                record(recorder)
            except Exception:  # must fail neither the others nor a request
                if not self._failed:
                    self._failed = True
                    extra = {"recorder": type(recorder).__name__}
                    _logger.warning(
                        "metrics.recorder_failed", extra=extra, exc_info=True
                    )


@dataclass(frozen=True, slots=True)
class _Chain:
    interceptors: Sequence[InterceptorProtocol]


def _recorder(
    otel: _OTelRecorder | None = None,
    prometheus: _PrometheusRecorder | None = None,
    summary: _SummaryRecorder | None = None,
) -> MetricsRecorderProtocol:
    found = [one for one in (otel, prometheus, summary) if one is not None]
    return found[0] if len(found) == 1 else FanOut(*found)


def _chain(
    summary: _SummaryInterceptor | None = None, otel: _OTelInterceptor | None = None
) -> InterceptorChainProtocol:
    return _Chain([one for one in (summary, otel) if one is not None])


_RECORDERS: Final = ModuleDefinition(
    name="MetricsRecorders",
    providers=(bind(MetricsRecorderProtocol).to(_recorder),),
    exports=(MetricsRecorderProtocol,),
    origin=__name__,
)
_CHAIN: Final = ModuleDefinition(
    name="ObservingInterceptors",
    providers=(bind(InterceptorChainProtocol).to(_chain),),
    exports=(InterceptorChainProtocol,),
    origin=__name__,
)
