"""The step about coverage: the contracts by their own tests, every branch."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from environments import ROOT, run

CONTRACTS = ROOT / "packages" / "lexigram-contracts"


def coverage() -> None:
    """Require the contracts' tests to take every branch of the contracts."""
    with tempfile.TemporaryDirectory() as folder:
        # Its own data file: this step may run beside others.
        data = {"COVERAGE_FILE": str(Path(folder) / "coverage")}
        run(
            sys.executable, "-m", "coverage", "run", "-m", "pytest", "-q",
            CONTRACTS / "tests", env=data,
        )  # fmt: skip
        run(sys.executable, "-m", "coverage", "report", "--fail-under=100", env=data)
