"""What runs under valgrind: a fork for each client, load and number of calls.

    python -P -m bench.requests.counted PORT CLIENT:LOAD:CALLS …

Prints the process of each fork, in this order. They share one start, which takes the
longest by far; the difference of two of them that differ in their calls is the calls.
"""

from __future__ import annotations

import asyncio
import gc
import os
import sys

from bench.requests.bodies import PAYLOAD, POST
from bench.requests.contestant import Open, find


async def calls(opens: Open, load: str, number: int, port: str) -> None:
    """Make the calls, one after the other."""
    url = f"http://127.0.0.1:{port}{load}"
    async with opens(1) as client:
        for _ in range(number):
            await (client.post(url, PAYLOAD) if load == POST else client.get(url))


def main() -> None:
    """Fork, wait, and go on with the next one."""
    port, *wanted = sys.argv[1:]
    jobs = [each.split(":") for each in wanted]
    # All are imported before any is counted: ours without orjson, as in the gate's.
    opening = {name: find(name).load() for name in ("ours", *(job[0] for job in jobs))}
    gc.collect()
    # Collections look at what a call leaves behind, and not at all that was imported.
    gc.freeze()
    for name, load, number in jobs:
        child = os.fork()
        if not child:
            asyncio.run(calls(opening[name], load, int(number), port))
            return
        print(child, flush=True)
        _, status = os.waitpid(child, 0)
        if status:
            sys.exit(f"{name} failed.")


if __name__ == "__main__":
    main()
