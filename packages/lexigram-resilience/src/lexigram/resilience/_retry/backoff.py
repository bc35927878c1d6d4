"""How long to wait between attempts.

The cap limits the range that a wait is drawn from, never the wait that was drawn:
capping afterwards makes every client that drew more wait exactly the cap, and sends
them back at the same moment.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from random import Random

from lexigram.resilience._config.retry import RetryConfig

__all__ = ["waits", "with_hint"]


def waits(config: RetryConfig, random: Random) -> Iterator[float]:
    """Yield the seconds to wait before the second attempt, the third, and so on."""
    return _JITTERS[config.jitter](config.base_delay, config.max_delay, random)


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
    for ceiling in _doubled(base, cap, random):
        yield random.uniform(0, ceiling)


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
