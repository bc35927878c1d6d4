"""Running both, and saying what differs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from types import MappingProxyType
from typing import Any, Final, TypeAlias

from lexigram.contracts.web import HTTPClientProtocol
from lexigram.testing._observing.metrics import InMemoryMetrics
from lexigram.testing.conformance._backend import Backend
from lexigram.testing.conformance._expectations import elapsed, now
from lexigram.testing.conformance._running import in_virtual_time
from lexigram.testing.conformance._twins.facts import Facts, facts_of
from lexigram.testing.conformance._twins.watching import WatchedClient

__all__ = ["WIRE_ONLY", "Scenario", "Twin", "assert_equivalent"]

Twin: TypeAlias = Callable[
    [Mapping[str, Any]],
    AbstractAsyncContextManager[tuple[HTTPClientProtocol, Backend]],
]
"""Opens a client and what it calls. The client is made with these keyword arguments:
`metrics`, and what the scenario adds, such as `interceptors` or `retry_policy`."""

WIRE_ONLY: Final[Mapping[str, str]] = MappingProxyType(
    {
        "requests.*.headers.host": "the wire needs it; the URL says the same",
        "requests.*.headers.connection": "says what becomes of the connection",
        "requests.*.headers.content-length": "frames the body, which is compared",
        "requests.*.headers.transfer-encoding": "frames the body as well",
        "requests.*.headers.accept": "each client has its own default",
        "requests.*.headers.accept-encoding": "each client has its own default",
        "requests.*.headers.user-agent": "each client names itself",
        "calls.*.headers.connection": "says what becomes of the connection",
        "calls.*.headers.date": "a server's clock",
        "calls.*.headers.server": "a server names itself",
    }
)
"""Facts that a wire has and memory has not, each with the reason."""

_MISSING: Final = "(nothing)"


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """One course of events, to be run with either twin.

    Attributes:
        run: Registers routes on the backend and makes calls with the client. What the
            calls raise it need not catch.
        name: A few words; left out, those of the function's name.
        wiring: Returns what the client is made with; called for each twin, so that
            they share no state.
        differs: Facts that are known to differ, by name or pattern ("calls.*.url"), each
            with the reason; one that is alike is an error.
    """

    run: Callable[[HTTPClientProtocol, Backend], Awaitable[object]]
    name: str = ""
    wiring: Callable[[], Mapping[str, Any]] = dict[str, Any]
    differs: Mapping[str, str] = field(default_factory=dict[str, str])

    def __str__(self) -> str:
        return self.name or getattr(self.run, "__name__", "?").replace("_", " ")


async def assert_equivalent(
    left: Twin,
    right: Twin,
    scenarios: Iterable[Scenario],
    *,
    ignore: Mapping[str, str] = WIRE_ONLY,
) -> None:
    """Require that two clients cannot be told apart by what a caller or upstream sees.

    Compared are, for each call, whether it returned, raised or was cancelled, the
    response or the error with all fields, attempts and seconds; the requests that the
    backend saw; the metrics; and the virtual time that passed. Each twin is opened anew
    for each scenario. The running loop's time is virtual meanwhile.

    Args:
        left: One twin, such as a fake.
        right: The other, such as the real client and a `FaultServer`.
        scenarios: What they go through.
        ignore: Facts that are not compared, by pattern, each with the reason.

    Raises:
        AssertionError: They differ where no reason is given, or no longer differ where
            one is; lists every such fact.
    """
    problems: list[str] = []
    async with in_virtual_time():
        for scenario in scenarios:
            one, other = await _run(left, scenario), await _run(right, scenario)
            lines = [f"    {line}" for line in _compare(one, other, scenario, ignore)]
            if lines:
                problems += [f"  {scenario}:", *lines]
    if problems:
        raise AssertionError("\n".join(["The twins differ.", *problems]))


async def _run(twin: Twin, scenario: Scenario) -> Facts:
    metrics = InMemoryMetrics()
    async with twin({"metrics": metrics, **scenario.wiring()}) as (client, backend):
        watched = WatchedClient(client)
        began = now()
        try:
            await scenario.run(watched, backend)
        except Exception as error:  # what a client raises is compared
            if not watched.saw(error):
                raise  # the scenario's own
        return facts_of(watched.calls, backend, metrics, elapsed(began))


def _compare(
    left: Facts, right: Facts, scenario: Scenario, ignore: Mapping[str, str]
) -> Iterator[str]:
    unused = dict(scenario.differs)
    for name in sorted(left.keys() | right.keys()):
        one, other = left.get(name, _MISSING), right.get(name, _MISSING)
        if one == other or _matching(name, ignore):
            continue
        reasons = _matching(name, scenario.differs)
        for pattern in reasons:
            unused.pop(pattern, None)
        if not reasons:
            yield f"{name}: {one!r} and {other!r}"
    for pattern, reason in unused.items():
        yield f"{pattern}: alike by now; take it out of `differs` ({reason})"


def _matching(name: str, patterns: Iterable[str]) -> list[str]:
    return [pattern for pattern in patterns if fnmatchcase(name, pattern)]
