"""What runs a client: a process of its own that measures a run when it is told to.

    python -P -m bench.requests.worker CLIENT LOOP

Reads runs from its standard input, one a line as JSON, and answers with a line each.
"""

from __future__ import annotations

import asyncio
import gc
import json
import sys
from collections.abc import Awaitable, Callable
from importlib import import_module
from time import perf_counter, process_time
from typing import Any, Final

from bench.requests.bodies import PAYLOAD, POST
from bench.requests.contestant import Calls, Open, find

_BETWEEN_LOOKS: Final = 0.005


async def main(opens: Open) -> None:
    """Measure one run after the other, each with a new client."""
    while line := await asyncio.to_thread(sys.stdin.readline):
        run = json.loads(line)
        try:
            answer: dict[str, Any] = await measured(opens, **run)
        except Exception as error:  # noqa: BLE001 - told; the others go on
            answer = {"error": f"{type(error).__name__}: {error}"[:300]}
        print(json.dumps(answer), flush=True)


async def measured(
    opens: Open, url: str, concurrency: int, seconds: float
) -> dict[str, float]:
    """Return how many calls there were, and their time of the processor and the clock."""
    async with opens(concurrency) as client:
        call = _call(client, url)
        # Connections are opened, and the interpreter gets used to the code.
        await _calls(call, concurrency, seconds / 4)
        gc.collect()
        cpu, wall = process_time(), perf_counter()
        number = await _calls(call, concurrency, seconds)
        return {
            "calls": number,
            "cpu": process_time() - cpu,
            "wall": perf_counter() - wall,
        }


def _call(client: Calls, url: str) -> Callable[[], Awaitable[Any]]:
    if url.endswith(POST):
        return lambda: client.post(url, PAYLOAD)
    return lambda: client.get(url)


async def _calls(
    call: Callable[[], Awaitable[Any]], concurrency: int, seconds: float
) -> int:
    """Make calls until their time is used up, so many at once; return how many."""
    clock = _Clock(seconds)

    async def calls() -> int:
        number = 0
        while not clock.over or not number:
            await call()
            number += 1
        return number

    if concurrency == 1:
        return await calls()
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(calls()) for _ in range(concurrency)]
    return sum(task.result() for task in tasks)


class _Clock:
    """Says when so many seconds of the processor were used.

    Asked for with each call, that time would cost more than some of what is measured.
    """

    def __init__(self, seconds: float) -> None:
        self.over = False
        self._end = process_time() + seconds
        self._look()

    def _look(self) -> None:
        self.over = process_time() >= self._end
        if not self.over:
            asyncio.get_running_loop().call_later(_BETWEEN_LOOKS, self._look)


def _raise_limit_of_files() -> None:
    resource = import_module("resource")
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


if __name__ == "__main__":
    name, loop = sys.argv[1:]
    _raise_limit_of_files()
    opening = find(name).load()
    gc.collect()
    gc.freeze()
    new_loop = None if loop == "asyncio" else import_module(loop).new_event_loop
    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(main(opening))
