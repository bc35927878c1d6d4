"""What the contracts cost: their import, and a result on its way.

    uv run python tools/contracts_cost.py            prints the figures
    uv run python tools/contracts_cost.py --write    keeps them in docs/reports/

Contestants alternate, and the best run of each counts: whatever else the machine does
can only add to a run.
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
import time
import timeit
from collections.abc import Iterator
from datetime import UTC, datetime

from environments import ROOT
from lexigram.result import Ok

REPORT = ROOT / "docs" / "reports" / "contracts-cost.md"
ROUNDS = 40
IMPORTS = {
    "bare interpreter": "pass",
    "`import lexigram.contracts.web`": "import lexigram.contracts.web",
    "`import asyncio`, for scale": "import asyncio",
}
CALLS = 200_000

# An installed package is compiled once and not at each import.
COMPILING = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}


def seconds(code: str) -> float:
    """Return how long a fresh interpreter takes for `code`."""
    start = time.perf_counter()
    subprocess.run([sys.executable, "-P", "-c", code], check=True, env=COMPILING)
    return time.perf_counter() - start


def microseconds(statement: str) -> float:
    """Return the best time of one run of a statement."""
    runs = timeit.repeat(statement, globals={"Ok": Ok}, number=CALLS, repeat=7)
    return min(runs) / CALLS * 1e6


def figures() -> Iterator[str]:
    """Measure, and yield the report line by line."""
    for code in IMPORTS.values():
        seconds(code)
    times: dict[str, list[float]] = {name: [] for name in IMPORTS}
    for _ in range(ROUNDS):
        for name, code in IMPORTS.items():
            times[name].append(seconds(code))
    bare = min(times["bare interpreter"])
    yield "# What the contracts cost\n"
    yield "Made by `uv run python tools/contracts_cost.py --write`.\n"
    yield f"Python {platform.python_version()}, {datetime.now(UTC):%Y-%m-%d}.\n"
    yield f"| a fresh interpreter, best of {ROUNDS} | ms | over the bare one |"
    yield "|---|---|---|"
    for name, runs in times.items():
        best = min(runs)
        yield f"| {name} | {best * 1000:.1f} | {(best - bare) * 1000:.1f} |"
    yield "\n| a statement, best of 7 | µs |"
    yield "|---|---|"
    used = microseconds("result = Ok(1); result.is_err(); result.value")
    yield f"| `Ok(x)`, `is_err()`, `.value` | {used:.2f} |"
    yield f"| `object()`, for scale | {microseconds('object()'):.2f} |"


def main() -> None:
    """Print the figures, and keep them when told to."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--write", action="store_true", help=f"keep them in {REPORT.name}"
    )
    report = "\n".join(figures()) + "\n"
    print(report)
    if parser.parse_args().write:
        REPORT.write_text(report)


if __name__ == "__main__":
    main()
