"""Inputs that nobody thought of, for everything that reads what others wrote.

    uv run --group fuzz python tools/fuzz.py                    all targets, 120 s each
    uv run --group fuzz python tools/fuzz.py sse --seconds 600  one, for longer
    uv run --group fuzz python tools/fuzz.py --replay           what is kept, once
    uv run --group fuzz python tools/fuzz.py --write            keeps the figures

A target is a function of bytes in `tools/fuzzing/`; atheris looks for bytes with which it
raises. Where a run begins is `tools/fuzzing/corpus/<target>/`, and `tests/` replays that
without atheris. An input that fails is written to the current directory: name it after
what it showed and keep it there, once the fault is mended.
"""

from __future__ import annotations

import argparse
import platform
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from fuzzing.targets import CORPUS, TARGETS, kept

from environments import ROOT

REPORT: Final = ROOT / "docs" / "reports" / "fuzz.md"
ENGINE: Final = Path(__file__).parent / "fuzzing" / "engine.py"

HEAD: Final = """# Fuzzing: what was looked for, and how long

Made by `uv run --group fuzz python tools/fuzz.py --write`.

CPython {python}, atheris {atheris}, {seconds} s for each target, from the inputs that are
kept for it. "Reached" counts the edges of the instrumented code that libFuzzer saw, and
"found" the failures. What earlier runs found is a file of the corpus, named after what it
showed, and a test (`tests/test_fuzz_corpus.py`).

| target | what holds for any input | kept | inputs tried | reached | found |
|---|---|--:|--:|--:|--:|
"""
_SHOWN: Final = 4000

_DONE: Final = re.compile(r"stat::number_of_executed_units:\s+(\d+)")
_REACHED: Final = re.compile(r"\bcov: (\d+)")


@dataclass(frozen=True, slots=True)
class Run:
    """What became of one target."""

    name: str
    tried: int
    reached: int
    output: str
    failed: bool


def fuzz(name: str, seconds: int) -> Run:
    """Let atheris look for an input with which a target fails."""
    with tempfile.TemporaryDirectory() as new:
        command = [
            sys.executable, str(ENGINE), name, new, str(CORPUS / name),
            f"-max_total_time={seconds}", f"-artifact_prefix=fuzz-{name}-",
            "-timeout=20", "-rss_limit_mb=2048", "-max_len=4096", "-print_final_stats=1",
        ]  # fmt: skip
        done = subprocess.run(command, check=False, capture_output=True, text=True)
    output = done.stdout + done.stderr
    tried = _DONE.search(output)
    reached = _REACHED.findall(output)
    return Run(
        name,
        int(tried[1]) if tried else 0,
        int(reached[-1]) if reached else 0,
        output,
        bool(done.returncode),
    )


def replay(name: str) -> None:
    """Try what is kept for a target, without atheris."""
    files = kept(name)
    for file in files:
        TARGETS[name](file.read_bytes())
    print(f"{name}: {len(files)} inputs")


def report(runs: list[Run], seconds: int) -> Iterator[str]:
    """Give the lines of the report."""
    yield HEAD.format(
        python=platform.python_version(), atheris=version("atheris"), seconds=seconds
    ).rstrip("\n")
    for run in runs:
        what = (TARGETS[run.name].__doc__ or "").splitlines()[0]
        yield (
            f"| `{run.name}` | {what} | {len(kept(run.name))} | {run.tried:,} | "
            f"{run.reached:,} | {int(run.failed)} |"
        )


def main() -> int:
    """Fuzz, print, and say whether anything was found."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "targets", nargs="*", metavar="target", help=f"of {', '.join(TARGETS)}"
    )
    parser.add_argument("--seconds", type=int, default=120, help="for each target")
    parser.add_argument("--replay", action="store_true", help="only what is kept")
    parser.add_argument("--write", action="store_true", help=f"keep {REPORT.name}")
    chosen = parser.parse_args()
    unknown = set(chosen.targets) - set(TARGETS)
    if unknown:
        parser.error(f"unknown: {', '.join(unknown)}; there are {', '.join(TARGETS)}")
    names = chosen.targets or list(TARGETS)
    if chosen.replay:
        for name in names:
            replay(name)
        return 0
    if find_spec("atheris") is None:
        parser.error("atheris is not installed; run it with `uv run --group fuzz`")
    return search(names, chosen.seconds, write=chosen.write)


def search(names: list[str], seconds: int, *, write: bool) -> int:
    """Fuzz targets one after the other; return 1 when anything was found."""
    runs: list[Run] = []
    for name in names:
        print(f"{name} …", flush=True)
        run = fuzz(name, seconds)
        runs.append(run)
        if run.failed:
            print(run.output[-_SHOWN:])
    text = "\n".join(report(runs, seconds)) + "\n"
    print(text)
    if write:
        REPORT.write_text(text)
    return int(any(run.failed for run in runs))


if __name__ == "__main__":
    sys.exit(main())
