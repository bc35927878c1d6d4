"""What importing the client costs, beside importing aiohttp."""

from __future__ import annotations

import subprocess
import sys
from statistics import median
from typing import Any, Final

from bench.requests.counting import instructions_of
from bench.requests.serving import ENVIRONMENT

__all__ = ["imports"]

_OURS: Final = "from lexigram.http import HTTPClient"
_THEIRS: Final = "import aiohttp"
_NOTHING: Final = "pass"

# Around the statement alone: an interpreter's start and end are no import.
_TIMED: Final = """\
from time import process_time
begin = process_time()
{}
print(process_time() - begin)
"""


def imports(processes: int, *, counted: bool) -> dict[str, Any]:
    """Return milliseconds and millions of instructions, and ours by aiohttp's.

    Args:
        processes: How many new processes import each, in turns.
        counted: Whether to count instructions too.
    """
    # The first round writes the byte code and does not count.
    rounds = [_round() for _ in range(processes + 1)][1:]
    found: dict[str, Any] = {
        "milliseconds": {
            each: round(median(one[each] for one in rounds) * 1000, 1)
            for each in (_THEIRS, _OURS)
        },
        # Of each round: what makes the machine slow makes both of it slow.
        "ratio": round(median(_ratio(one) for one in rounds), 3),
    }
    if counted:
        counts = _millions()
        found["millions_of_instructions"] = counts
        found["ratio_of_instructions"] = round(_ratio(counts), 3)
    return found


def _round() -> dict[str, float]:
    """Return the seconds of the processor that each takes."""
    return {each: _time_of(each) for each in (_THEIRS, _OURS)}


def _time_of(statement: str) -> float:
    done = subprocess.run(
        [sys.executable, "-P", "-c", _TIMED.format(statement)],
        env=ENVIRONMENT, check=True, capture_output=True, text=True,
    )  # fmt: skip
    return float(done.stdout)


def _millions() -> dict[str, float]:
    start = instructions_of(_NOTHING)
    return {
        each: round((instructions_of(each) - start) / 1e6) for each in (_THEIRS, _OURS)
    }


def _ratio(costs: dict[str, float]) -> float:
    return costs[_OURS] / costs[_THEIRS]
