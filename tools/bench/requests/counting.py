"""How many instructions the processor carries out for a call of a client.

Counted by valgrind, which runs them itself: what else the machine does changes nothing.
The server is not counted. Start and end are in both counts whose difference is taken.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Final

from bench.requests.serving import ENVIRONMENT, python_server

__all__ = ["VALGRIND", "Count", "count", "instructions_of"]

VALGRIND: Final = shutil.which("valgrind")

WARM: Final = 100
"""Calls until the interpreter has adapted itself to its code."""
CALLS: Final = 500
"""Calls that are counted."""

_SUMMARY: Final = re.compile(r"^summary: (\d+)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Count:
    """What the calls of one client came to.

    Attributes:
        name: The client and the load, as `ours /100`.
        counts: Instructions per call, of each repetition.
    """

    name: str
    counts: tuple[float, ...]

    @property
    def typical(self) -> float:
        """The median."""
        return median(self.counts)

    @property
    def spread(self) -> float:
        """How far apart the repetitions are, as a share of the least."""
        return max(self.counts) / min(self.counts) - 1


def count(names: Sequence[str], *, repetitions: int = 1) -> list[Count]:
    """Count the instructions of a call of each client.

    Args:
        names: Clients and loads, as `ours /100`.
        repetitions: How often each is counted.

    Raises:
        RuntimeError: A call failed; with what was said.
    """
    jobs = [
        ":".join((*name.split(), str(number)))
        for _ in range(repetitions)
        for name in names
        for number in (WARM, WARM + CALLS)
    ]
    with python_server() as port:
        totals = list(_totals(["bench.requests.counted", port, *jobs]))
    found = [
        (more - less) / CALLS
        for less, more in zip(totals[::2], totals[1::2], strict=True)
    ]
    return [
        Count(name, tuple(found[place :: len(names)]))
        for place, name in enumerate(names)
    ]


def instructions_of(statement: str) -> int:
    """Return how many instructions an interpreter takes that carries it out."""
    with TemporaryDirectory() as folder:
        _valgrind(["-c", statement], folder)
        (output,) = Path(folder).iterdir()
        return _total(output)


def _totals(module: Sequence[str]) -> Iterator[int]:
    with TemporaryDirectory() as folder:
        shown = _valgrind(["-P", "-m", *module], folder)
        for process in shown.split():
            yield _total(Path(folder, process))


def _valgrind(arguments: Sequence[str], folder: str) -> str:
    """Run Python; each process writes a file that is called like its number."""
    command = [
        # Where things are in memory is part of some hashes.
        *(["setarch", "--addr-no-randomize"] if _fixed_addresses() else []),
        str(VALGRIND), "--quiet", "--tool=cachegrind", "--cache-sim=no",
        f"--cachegrind-out-file={folder}/%p", f"--log-file={folder}/%p.log",
        sys.executable, *arguments,
    ]  # fmt: skip
    done = subprocess.run(
        command, env=ENVIRONMENT, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"Not counted:\n{done.stderr}")
    for log in Path(folder).glob("*.log"):
        log.unlink()
    return done.stdout


def _fixed_addresses() -> bool:
    """Say whether this may be asked for: in some containers it may not."""
    if (program := shutil.which("setarch")) is None:
        return False
    asked = [program, "--addr-no-randomize", "true"]
    return not subprocess.run(asked, capture_output=True, check=False).returncode


def _total(output: Path) -> int:
    found = _SUMMARY.search(output.read_text())
    if found is None:
        raise RuntimeError(f"valgrind's {output} has no `summary:`.")
    return int(found[1])
