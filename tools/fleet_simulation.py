"""1,000 processes and one upstream, through an outage and the rush after it.

    uv run --group bench python tools/fleet_simulation.py            prints the table
    uv run --group bench python tools/fleet_simulation.py --write    draws the plot, too

Each process has a pipeline of its own, of the real policies, in virtual time. The upstream
works off 600 calls a second, one after the other. Who gives up waiting has still been
worked for, as it is with servers that do not look whether anybody listens. It answers 503
while it is down, and when it is more than 3 s behind.

The shared limit is one limiter that all pipelines have: what a store makes of many, without
the round trips.
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from importlib import import_module
from pathlib import Path
from random import Random
from typing import Any, Final

from environments import ROOT
from lexigram.contracts.resilience import Call, Judgement
from lexigram.resilience import (
    BudgetConfig,
    RateLimiter,
    RateLimiterConfig,
    ResiliencePipeline,
    RetryConfig,
    RetryPolicy,
    Timeouts,
    TimeoutsConfig,
)
from lexigram.testing import virtual_time

PLOT: Final = ROOT / "docs" / "reports" / "fleet-simulation.svg"

PROCESSES: Final = 1000
CAPACITY: Final = 600.0
DEMAND: Final = 500.0
END: Final = 70.0
DOWN: Final = (10.0, 20.0)
RUSH: Final = (30.0, 40.0)
"""When twice as many calls are wanted: those who have waited come back."""

_LONGEST_QUEUE: Final = 3.0
_REFUSING: Final = 0.005
_BIN: Final = 0.5


@dataclass
class Upstream:
    """Works off one call after the other.

    Attributes:
        asked: When attempts came.
        answered: When a caller got its answer.
    """

    free_at: float = 0.0
    asked: list[float] = field(default_factory=list)
    answered: list[float] = field(default_factory=list)

    async def __call__(self) -> int:
        """Answer when it is this call's turn."""
        now = asyncio.get_running_loop().time() - BEGAN[0]
        self.asked.append(now)
        start = max(now, self.free_at)
        if DOWN[0] <= now < DOWN[1] or start - now > _LONGEST_QUEUE:
            await asyncio.sleep(_REFUSING)
            return 503
        self.free_at = start + 1 / CAPACITY
        await asyncio.sleep(self.free_at - now)
        self.answered.append(self.free_at)
        return 200


BEGAN: Final = [0.0]


def _judge(result: int | None, error: BaseException | None) -> Judgement:
    if error is not None:
        failed = isinstance(error, Exception)
        return Judgement("failure" if failed else "neutral", retryable=failed)
    return Judgement("failure" if result == 503 else "success", retryable=result == 503)  # noqa: PLR2004 - a status


CALL: Final[Call[int]] = Call(key="https://upstream.test:443", judge=_judge)


def _pipeline(
    random: Random,
    *,
    jitter: Any = "none",
    budget: BudgetConfig | None = None,
    limiter: RateLimiter | None = None,
) -> ResiliencePipeline:
    return ResiliencePipeline(
        limiter=limiter,
        timeouts=Timeouts(TimeoutsConfig(total=10.0, attempt=1.0)),
        retry=RetryPolicy(
            RetryConfig(max_attempts=4, jitter=jitter, budget=budget), random=random
        ),
    )


def variants() -> dict[str, Callable[[Random], ResiliencePipeline]]:
    """Return how the pipelines of a process are made, by what they have."""
    alone = BudgetConfig()
    fleet = BudgetConfig(min_per_second=0.01)
    limit = RateLimiter(
        RateLimiterConfig(permits=500, burst=50, max_wait=5.0), name="upstream"
    )
    return {
        "retries": _pipeline,
        "and jitter": partial(_pipeline, jitter="decorrelated"),
        "and a budget": partial(_pipeline, jitter="decorrelated", budget=alone),
        "a budget for a fleet": partial(_pipeline, jitter="decorrelated", budget=fleet),
        "and a shared limit": partial(
            _pipeline, jitter="decorrelated", budget=fleet, limiter=limit
        ),
    }


async def simulate(make: Callable[[Random], ResiliencePipeline]) -> Upstream:
    """Let all processes call; return what the upstream saw."""
    upstream = Upstream()
    async with virtual_time():
        loop = asyncio.get_running_loop()
        BEGAN[0] = loop.time()

        async def call(pipeline: ResiliencePipeline) -> None:
            # What became of it, the upstream knows.
            with suppress(Exception):
                await pipeline.execute(upstream, CALL)

        async def process(number: int, group: asyncio.TaskGroup) -> None:
            random = Random(number)  # noqa: S311 - a simulation
            pipeline = make(random)
            period = PROCESSES / DEMAND
            await asyncio.sleep(random.uniform(0, period))
            while (now := loop.time() - BEGAN[0]) < END:
                group.create_task(call(pipeline))
                hurry = 2 if RUSH[0] <= now < RUSH[1] else 1
                await asyncio.sleep(random.uniform(0.5, 1.5) * period / hurry)

        async with asyncio.TaskGroup() as group:
            for number in range(PROCESSES):
                group.create_task(process(number, group))
    return upstream


def per_second(times: list[float]) -> list[float]:
    """Return the rate in each bin of time."""
    bins = [0] * int(END / _BIN)
    for time in times:
        if time < END:
            bins[int(time / _BIN)] += 1
    return [number / _BIN for number in bins]


def _mean(rates: list[float], begin: float, end: float) -> float:
    part = rates[int(begin / _BIN) : int(end / _BIN)]
    return sum(part) / len(part)


def _well_again(rates: list[float], since: float) -> str:
    """Return how long it took until it was as before for two seconds."""
    need = int(2 / _BIN)
    for first in range(int(since / _BIN), len(rates) - need):
        if _mean(rates, first * _BIN, first * _BIN + 2) >= 0.95 * DEMAND:
            return f"{first * _BIN - since:.1f} s"
    return "never"


def row(name: str, upstream: Upstream) -> str:
    """Return the row of a table."""
    asked, answered = per_second(upstream.asked), per_second(upstream.answered)
    return (
        f"| {name} | {_mean(asked, *DOWN) / DEMAND:.2f} | {max(asked):.0f} | "
        f"{_well_again(answered, DOWN[1])} | {_mean(answered, *RUSH):.0f} | "
        f"{_well_again(answered, RUSH[1])} |"
    )


def draw(found: dict[str, Upstream], path: Path) -> None:
    """Write the plot: what the upstream was asked, and what it answered in time."""
    style = {
        "font.family": "sans-serif",
        "font.size": 9,
        "svg.fonttype": "none",
        "svg.hashsalt": "fleet-simulation",
    }
    with import_module("matplotlib").rc_context(style):
        figure: Any = import_module("matplotlib.figure").Figure(
            figsize=(8.5, 1.5 * len(found) + 0.6), layout="constrained"
        )
        axes = figure.subplots(len(found), 1, sharex=True, squeeze=False)[:, 0]
        times = [number * _BIN for number in range(int(END / _BIN))]
        for (name, upstream), ax in zip(found.items(), axes, strict=True):
            ax.axvspan(*DOWN, color="#f3d9d6", lw=0)
            ax.axvspan(*RUSH, color="#f4efd9", lw=0)
            ax.step(times, per_second(upstream.asked), color="#b4b9c1", label="asked")
            ax.step(
                times, per_second(upstream.answered), color="#1f5fbf", label="answered"
            )
            ax.axhline(CAPACITY, color="#444444", lw=0.6, ls=":")
            ax.set_ylim(0, 2200)
            ax.set_title(name, loc="left", fontsize=9)
            ax.spines[["top", "right"]].set_visible(False)
        axes[0].legend(loc="upper right", frameon=False, ncols=2)
        axes[-1].set_xlabel(
            "seconds; red: the upstream is down, yellow: twice the calls; dotted: capacity"
        )
        axes[len(axes) // 2].set_ylabel("calls a second")
        title = "1,000 processes and one upstream through an outage"
        about = {"Title": title, "Date": None, "Creator": None}
        figure.savefig(path, format="svg", metadata=about)


def main() -> None:
    """Print the table, and draw the plot if asked to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="draw the plot")
    write: bool = parser.parse_args().write
    found: dict[str, Upstream] = {}
    print(
        "| each process has | load while down | peak | well again | in the rush | after it |"
    )
    print("|---|--:|--:|--:|--:|--:|")
    for name, make in variants().items():
        found[name] = asyncio.run(simulate(make))
        print(row(name, found[name]), flush=True)
    if write:
        draw(found, PLOT)


if __name__ == "__main__":
    main()
