"""What large downloads and uploads cost, beside aiohttp by hand.

uv run python tools/stream_speed.py
    --write                keeps the figures in docs/reports/
    --mib 1024             how much is transferred
    --rounds 25            how often, in turns
    --folder /dev/shm      where the files are; memory, so that no disk is measured
    --check                exits with 1 when one of ours misses its target
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Final

from bench.streams.run import CONTESTANTS

from environments import ROOT

REPORT: Final = ROOT / "docs" / "reports" / "streams.md"
BENCH: Final = Path(__file__).parent / "bench" / "streams"
MIB: Final = 1024 * 1024

SPEED: Final = 0.95
"""The least share of the throughput of aiohttp by hand."""
GROWTH: Final = 16.0
"""Most MiB that are resident at the end, beyond those after the first 16 MiB."""

ALLOCATOR: Final = {
    "MALLOC_TRIM_THRESHOLD_": str(256 * MIB),
    "MALLOC_MMAP_THRESHOLD_": str(256 * MIB),
}
"""Makes the C library keep what is freed. Left to itself it gives buffers of this size
back to the system or not, by what lies behind them in memory: a fifth of a transfer's
time, for or against either by chance."""

GROUPS: Final = {
    "Download to a file": ("aiohttp_threads", "aiohttp_loop", "ours_download"),
    "Stream, thrown away": ("aiohttp_stream", "ours_stream"),
    "Upload of a file": ("aiohttp_generator", "aiohttp_upload", "ours_upload"),
}
"""What is measured together; the first of each is what the others are compared with."""


HEAD: Final = """# Large bodies: speed and memory

Made by `uv run python tools/stream_speed.py --write`.

CPython {python}, aiohttp {aiohttp}: {mib} MiB over loopback, from or to a bare asyncio
server in another process, with the files in memory. Medians of {rounds} rounds in turns,
each transfer in a process of its own, after a short one that loads and builds what a
process does once. Who writes to a file does so in blocks of 1 MiB. The C library is
told to keep freed memory, since it otherwise does by chance, at a fifth of the time.

"Share of the first" is the throughput by that of the first of the table, as the median
over the rounds. "Growth" is the most memory that was resident at the end beyond that
after the first 16 MiB, in the worst round. Ours has to reach a share of {speed} and to
grow by {growth:.0f} MiB at most.
"""


@dataclass(frozen=True, slots=True)
class Run:
    """One transfer."""

    seconds: float
    early_kib: int
    end_kib: int

    @property
    def growth(self) -> float:
        """The MiB that it came to need after the first 16 MiB."""
        return (self.end_kib - self.early_kib) / 1024


@dataclass(frozen=True, slots=True)
class Figure:
    """What one contestant came to."""

    name: str
    mib_per_second: float
    ratio: float
    growth: float

    @property
    def missed(self) -> bool:
        """Whether it is one of ours, and misses a target."""
        ours = self.name.startswith("ours")
        return ours and (self.ratio < SPEED or self.growth > GROWTH)


@contextmanager
def server() -> Iterator[str]:
    """Start the other end; give its port."""
    command = [sys.executable, str(BENCH / "server.py")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield (process.stdout or sys.stdin).readline().strip()
        finally:
            process.terminate()


def run(name: str, port: str, size: int, folder: Path) -> Run:
    """Make one transfer, in a process of its own."""
    command = [
        sys.executable,
        str(BENCH / "run.py"),
        name,
        port,
        str(size),
        str(folder),
    ]
    shown = subprocess.run(
        command,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, **ALLOCATOR},
    ).stdout
    seconds, early, end = shown.split()
    return Run(float(seconds), int(early), int(end))


def measure(
    names: tuple[str, ...], port: str, size: int, rounds: int, parent: str
) -> list[Figure]:
    """Return the figures of one group: medians over rounds in which all take turns."""
    runs: dict[str, list[Run]] = {name: [] for name in names}
    for number in range(rounds):
        for name in names if number % 2 else names[::-1]:
            with TemporaryDirectory(dir=parent) as folder:
                if name.endswith(("upload", "generator")):
                    _fill(Path(folder, "file"), size)
                runs[name].append(run(name, port, size, Path(folder)))
    first = [each.seconds for each in runs[names[0]]]
    return [
        Figure(
            name,
            size / MIB / median(each.seconds for each in found),
            median(
                other / each.seconds for other, each in zip(first, found, strict=True)
            ),
            max(each.growth for each in found),
        )
        for name, found in runs.items()
    ]


def _fill(path: Path, size: int) -> None:
    with path.open("wb") as file:
        for _ in range(size // MIB):
            file.write(bytes(MIB))


def table(group: str, figures: list[Figure]) -> Iterator[str]:
    """Give the lines of a group."""
    yield f"| {group} | MiB/s | share of the first | growth, MiB |"
    yield "|---|--:|--:|--:|"
    for figure in figures:
        shown = (CONTESTANTS[figure.name].__doc__ or "").strip().rstrip(".")
        bold = "**" if figure.name.startswith("ours") else ""
        yield (
            f"| {bold}{shown}{bold} | {figure.mib_per_second:,.0f} | "
            f"{figure.ratio:.2f} | {figure.growth:.1f} |"
        )
    yield ""


def options() -> argparse.Namespace:
    """Return what the command line asks for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--mib", type=int, default=1024)
    parser.add_argument("--rounds", type=int, default=25)
    parser.add_argument("--folder", default="/dev/shm")  # noqa: S108 - memory on purpose
    return parser.parse_args()


def main() -> int:
    """Measure, print, and keep or check the figures when told to."""
    chosen = options()
    size = chosen.mib * MIB
    facts = {
        "python": platform.python_version(),
        "aiohttp": version("aiohttp"),
        "mib": chosen.mib,
        "rounds": chosen.rounds,
        "speed": SPEED,
        "growth": GROWTH,
    }
    lines = [HEAD.format_map(facts)]
    missed: list[Figure] = []
    with server() as port:
        for group, names in GROUPS.items():
            figures = measure(names, port, size, chosen.rounds, chosen.folder)
            lines += table(group, figures)
            missed += [figure for figure in figures if figure.missed]
    text = "\n".join(lines).rstrip() + "\n"
    print(text)
    if chosen.write:
        REPORT.write_text(text)
    for figure in missed:
        print(f"{figure.name} misses a target: {figure}", file=sys.stderr)
    return int(bool(missed) and chosen.check)


if __name__ == "__main__":
    sys.exit(main())
