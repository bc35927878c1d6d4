"""What the pytest plugin of lexigram-testing adds to an empty run of pytest.

`tools/bench/plugin_startup.py [RUNS]` runs pytest on a folder with one empty test, with
and without the plugin by turns so that a slow moment of the machine meets both, and
prints the medians, their difference and what `-X importtime` says of the import. The
budget is 5 ms; it exits with 1 above it.

Two processes of one and the same command differ by chance, too: that is printed as the
noise, the difference between the odd and the even runs without the plugin.
"""

from __future__ import annotations

import os
import re
import resource
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

BUDGET_MS = 5.0
PLUGIN = "lexigram.testing.pytest_plugin"
PYTEST = ("-m", "pytest", "-q", "-p", "no:cacheprovider")
_IMPORT_TIME = re.compile(r"import time:\s+\d+ \|\s+(\d+) \|(\s+)(\S+)")


def main() -> int:
    """Measure, print, and say whether the budget holds."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 40
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "test_empty.py").write_text("def test_empty() -> None: ...\n")
        _run(folder, *PYTEST, "-p", PLUGIN)  # writes the byte code
        without: list[float] = []
        having: list[float] = []
        for _ in range(runs):
            without.append(_run(folder, *PYTEST))
            having.append(_run(folder, *PYTEST, "-p", PLUGIN))
        imported = [_import_ms(folder) for _ in range(max(3, runs // 4))]
    best = _show("best", min, without, having)
    _show("median", statistics.median, without, having)
    print(f"import of the plugin after pytest: {min(imported):.2f} ms (best)")
    return int(best > BUDGET_MS)


def _show(
    name: str,
    summary: Callable[[list[float]], float],
    without: list[float],
    having: list[float],
) -> float:
    """Print one line and return what the plugin adds."""
    added = summary(having) - summary(without)
    noise = abs(summary(without[::2]) - summary(without[1::2]))
    print(
        f"{name:6} of {len(without)}: {summary(without):6.1f} ms alone, "
        f"{summary(having):6.1f} ms with the plugin, added {added:5.2f} ms, "
        f"noise {noise:.2f} ms, budget {BUDGET_MS:g} ms"
    )
    return added


def _run(folder: Path, *arguments: str) -> float:
    """Return how many milliseconds of the processor an interpreter takes."""
    begin = _children_seconds()
    subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env=_environment(),
        stdout=subprocess.DEVNULL,
        check=True,
    )
    return (_children_seconds() - begin) * 1000


def _children_seconds() -> float:
    # Unlike the time of the clock it does not count what other programs take.
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _import_ms(folder: Path) -> float:
    """Return the cumulated time of the imports that the plugin alone causes."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", f"import pytest\nimport {PLUGIN}"],
        cwd=folder,
        env=_environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    # Imports of the program itself stand at one blank; the parents come on their own.
    found = _IMPORT_TIME.findall(done.stderr)
    ours = [int(us) for us, indent, name in found if _is_top(indent, name)]
    return sum(ours) / 1000


def _is_top(indent: str, name: str) -> bool:
    return len(indent) == 1 and name.partition(".")[0] == "lexigram"


def _environment() -> dict[str, str]:
    # An installed package is compiled once; other plugins would only add to the noise.
    kept = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    return kept | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}


if __name__ == "__main__":
    sys.exit(main())
