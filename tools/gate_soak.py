"""A step of the gate: the short form of the soak."""

from __future__ import annotations

import sys
from typing import Final

from environments import ROOT, run

SECONDS: Final = 60


def soak() -> None:
    """Make 20,000 calls through faults, restarts and reloads; nothing may be lost."""
    print(run(sys.executable, ROOT / "tools" / "soak.py", f"--seconds={SECONDS}"))
