"""The step about coverage: distributions by their own tests, every branch."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Final

from environments import ROOT, run, side_by_side

COMPLETE: Final = ("lexigram-contracts", "lexigram-resilience")
"""Whose tests take every branch of it."""


def coverage() -> None:
    """Require the tests of some distributions to take every branch of them."""
    with tempfile.TemporaryDirectory() as folder:

        def complete(name: str) -> None:
            package = ROOT / "packages" / name
            # Its own data file: the other one runs beside it.
            data = {"COVERAGE_FILE": str(Path(folder) / name)}
            run(
                sys.executable, "-m", "coverage", "run", f"--source={package / 'src'}",
                "-m", "pytest", "-q", "-m", "", "--hypothesis-profile=thorough",
                package / "tests", env=data,
            )  # fmt: skip
            run(
                sys.executable, "-m", "coverage", "report", "--fail-under=100", env=data
            )

        side_by_side(complete, COMPLETE)
