"""What importing the client costs, beside importing aiohttp."""

from __future__ import annotations

import resource
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


def imports(processes: int, *, counted: bool) -> dict[str, Any]:
    """Return milliseconds and millions of instructions, without the interpreter's own."""
    times = _milliseconds(processes)
    found: dict[str, Any] = {"milliseconds": times}
    found["ratio"] = round(times[_OURS] / times[_THEIRS], 3)
    if counted:
        counts = _millions()
        found["millions_of_instructions"] = counts
        found["ratio"] = round(counts[_OURS] / counts[_THEIRS], 3)
    return found


def _milliseconds(processes: int) -> dict[str, float]:
    """Return medians of the time of the processor, taken in turns."""
    times: dict[str, list[float]] = {each: [] for each in (_NOTHING, _THEIRS, _OURS)}
    # The first round writes the byte code and does not count.
    for number in range(processes + 1):
        for statement, found in times.items():
            before = _used()
            command = [sys.executable, "-P", "-c", statement]
            subprocess.run(command, env=ENVIRONMENT, check=True)
            if number:
                found.append((_used() - before) * 1000)
    start = median(times[_NOTHING])
    return {each: round(median(times[each]) - start, 1) for each in (_THEIRS, _OURS)}


def _millions() -> dict[str, int]:
    start = instructions_of(_NOTHING)
    return {
        each: round((instructions_of(each) - start) / 1e6) for each in (_THEIRS, _OURS)
    }


def _used() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
