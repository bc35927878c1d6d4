"""What importing the contracts costs over a bare interpreter.

    uv run python tools/import_cost.py

Alternates the contestants, many times, and compares the best run of each: whatever else
the machine does can only add to a run. Prints milliseconds.
"""

from __future__ import annotations

import subprocess
import sys
import time

ROUNDS = 40
CONTESTANTS = {
    "bare interpreter": "pass",
    "lexigram.contracts.web": "import lexigram.contracts.web",
    "asyncio, for scale": "import asyncio",
}


def milliseconds(code: str) -> float:
    """Return how long a fresh interpreter takes for `code`."""
    start = time.perf_counter()
    subprocess.run([sys.executable, "-P", "-c", code], check=True)
    return (time.perf_counter() - start) * 1000


def main() -> None:
    """Measure and print."""
    times: dict[str, list[float]] = {name: [] for name in CONTESTANTS}
    for _ in range(ROUNDS):
        for name, code in CONTESTANTS.items():
            times[name].append(milliseconds(code))
    bare = min(times["bare interpreter"])
    print(f"Python {sys.version.split()[0]}, best of {ROUNDS} rounds")
    for name, values in times.items():
        print(f"{name:24} {min(values):6.1f} ms  (+{min(values) - bare:.1f})")


if __name__ == "__main__":
    main()
