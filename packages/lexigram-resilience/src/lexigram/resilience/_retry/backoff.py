"""How long to wait between attempts.

The cap limits the range that a wait is drawn from, never the wait that was drawn:
capping afterwards makes every client that drew more wait exactly the cap, and sends
them back at the same moment.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from random import Random
from typing import Final

from lexigram.contracts.resilience import Judgement
from lexigram.resilience._config.retry import RetryConfig

__all__ = ["is_throttled", "throttled_waits", "waits", "with_hint"]

_THROTTLED: Final = frozenset({"429", "throttled"})


def waits(config: RetryConfig, random: Random) -> Iterator[float]:
    """Yield the seconds to wait before the second attempt, the third, and so on."""
    return _JITTERS[config.jitter](config.base_delay, config.max_delay, random)


def throttled_waits(config: RetryConfig, random: Random) -> Iterator[float]:
    """Yield the seconds to wait when the upstream said that it is asked too often."""
    base = min(max(config.base_delay, config.throttled_delay), config.max_delay)
    return _JITTERS[config.jitter](base, config.max_delay, random)


def is_throttled(judgement: Judgement) -> bool:
    """Say whether the upstream is alive, but asked too often."""
    hint = judgement.retry_after
    return (hint is not None and hint > 0) or judgement.reason in _THROTTLED


def with_hint(wait: float, hint: float | None) -> float:
    """Return a wait that begins when the one that the upstream asked for is over.

    Added rather than compared, since all its clients were given the same hint: what was
    drawn spreads them. A hint that is not positive says nothing.
    """
    return hint + wait if hint is not None and hint > 0 else wait


def _decorrelated(base: float, cap: float, random: Random) -> Iterator[float]:
    wait = base
    while True:
        wait = random.uniform(base, max(base, min(cap, 3 * wait)))
        yield wait


def _full(base: float, cap: float, random: Random) -> Iterator[float]:
    ceilings = _doubled(base, cap, random)
    while True:
        yield random.uniform(0, next(ceilings))


def _doubled(base: float, cap: float, random: Random) -> Iterator[float]:  # noqa: ARG001 - one signature for all
    ceiling = base
    while True:
        yield ceiling
        ceiling = min(cap, 2 * ceiling)


_JITTERS: dict[str, Callable[[float, float, Random], Iterator[float]]] = {
    "decorrelated": _decorrelated,
    "full": _full,
    "none": _doubled,
}
