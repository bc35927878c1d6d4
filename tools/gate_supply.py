"""Steps of the gate about what is shipped, and about what it is made of."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from pathlib import Path
from typing import Final

import sbom

from environments import ROOT, build_wheels, run

_LATER: Final = 1_700_000_000
_UNREACHABLE: Final = ("error sending request", "failed to lookup", "timed out")


def wheels() -> None:
    """Build every wheel twice, from two places, and compare; list what is in them."""
    with tempfile.TemporaryDirectory() as folder:
        first = build_wheels(Path(folder, "first"))
        second = build_wheels(Path(folder, "second"), copied(Path(folder, "tree")))
        differ = [name for name in first if digest(first[name]) != digest(second[name])]
        if differ:
            raise RuntimeError(
                f"Two builds of {', '.join(differ)} differ. Find out in what with "
                "`diffoscope`; a time, a path or an order is the usual reason."
            )
        for wheel in first.values():
            parts = sbom.bill(wheel)["components"]
            print(f"    {wheel.name}: sha256 {digest(wheel)}, {len(parts)} components")


def audit() -> None:
    """Report known vulnerabilities of what is locked, where a database is reachable."""
    try:
        print(
            run(
                "uv", "audit", "--frozen", "--preview-features", "audit",
                env={"UV_HTTP_RETRIES": "0", "UV_HTTP_TIMEOUT": "10"},
            )
        )  # fmt: skip
    except RuntimeError as error:
        if not any(word in str(error) for word in _UNREACHABLE):
            raise
        print("    skipped: no database of vulnerabilities can be reached from here")


def digest(path: Path) -> str:
    """Return the SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def copied(target: Path) -> Path:
    """Copy the packages to another place, with other times and rights of access."""
    shutil.copytree(
        ROOT / "packages", target, ignore=shutil.ignore_patterns("__pycache__", "dist")
    )
    for path in target.rglob("*"):
        if path.is_file():
            path.chmod(0o600)
            os.utime(path, (_LATER, _LATER))
    return target
