"""Prints the milliseconds that 200 singletons take, built, validated and created.

    tools/bench/core/singletons.py [COUNT]

Each needs up to two of those before it, by hints that have to be evaluated. It is the
first boot of this process, configuration and logging included.
"""

from __future__ import annotations

import asyncio
import gc
import sys
import time
from collections.abc import Callable
from typing import Any

from lexigram.application import Application
from lexigram.contracts.di import ModuleDefinition

COUNT = 200


def source(count: int) -> str:
    """Return the module that somebody with so many services would have written."""
    lines = ["from __future__ import annotations"]
    for number in range(count):
        needs = sorted(
            {other for other in (number // 2, number - 1) if 0 <= other < number}
        )
        parameters = "".join(f", s{other}: S{other}" for other in needs)
        lines += [
            f"class S{number}:",
            f"    def __init__(self{parameters}) -> None:",
            f"        self.needs = ({''.join(f's{other}, ' for other in needs)})",
        ]
    return "\n".join(lines)


def singletons(count: int) -> tuple[Callable[..., Any], ...]:
    """Return the classes."""
    names: dict[str, Any] = {"__name__": __name__}
    exec(source(count), names)  # noqa: S102 - what a person would write, repeated
    return tuple(names[f"S{number}"] for number in range(count))


async def milliseconds(providers: tuple[Callable[..., Any], ...]) -> float:
    """Return how long the start of an application with these takes."""
    app = Application(ModuleDefinition(name="Many", providers=providers))
    # What the imports left behind is not to be collected meanwhile.
    gc.collect()
    start = time.process_time()
    await app.start()
    end = time.process_time()
    await app.stop()
    return (end - start) * 1000


def main() -> None:
    """Measure once."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else COUNT
    print(asyncio.run(milliseconds(singletons(count))))


if __name__ == "__main__":
    main()
