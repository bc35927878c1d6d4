"""The gate: every check of the project, one command.

    uv run python tools/check.py                all steps, in order
    uv run python tools/check.py lint types     only these
    uv run python tools/check.py --list         what there is

Every step runs even when one before it failed; the exit code says whether all passed.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from api_snapshot import api
from gate_changes import changes
from gate_coverage import coverage
from gate_docs import docs
from gate_promises import promises
from gate_soak import soak
from gate_supply import audit, wheels
from gate_types import ty, verifytypes
from gate_versions import bounds, floors
from instructions import instructions

from environments import (
    DISTRIBUTIONS,
    OWN,
    ROOT,
    build_wheels,
    create,
    interpreter,
    run,
    side_by_side,
)

PYTHONS = ("3.11", "3.12", "3.13")
INSTALLED = ROOT / ".venv-installed"


def lock() -> None:
    """Compare uv.lock with every pyproject.toml."""
    run("uv", "lock", "--check")
    run("uv", "pip", "check", "--python", sys.executable)


def format_() -> None:
    """Compare the formatting with ruff's."""
    run("uv", "run", "ruff", "format", "--check", ".")


def lint() -> None:
    """Run every rule of ruff that the project has not excluded with a reason."""
    run("uv", "run", "ruff", "check", ".")


def types() -> None:
    """Run mypy --strict per package, over the tools and over the examples."""
    for name in DISTRIBUTIONS:
        run("uv", "run", "mypy", ROOT / "packages" / name / "src")
    run("uv", "run", "mypy", "tools", env={"MYPYPATH": "tools"})
    run("uv", "run", "mypy", *(ROOT / "docs" / "examples").glob("*.py"))


def imports() -> None:
    """Check who may import whom, on an installed environment.

    Import-linter does not follow an extended `__path__` in the editable workspace.
    """
    reinstall = [f"--reinstall-package={name}" for name in DISTRIBUTIONS]
    run(
        "uv", "sync", "--quiet", "--locked", "--all-packages", "--no-editable",
        *reinstall, env={"UV_PROJECT_ENVIRONMENT": str(INSTALLED)},
    )  # fmt: skip
    run(INSTALLED / "bin" / "lint-imports", "--no-cache")


def isolated() -> None:
    """Run each distribution's tests beside nothing but what it declares."""
    with tempfile.TemporaryDirectory() as folder:
        wheels = build_wheels(Path(folder) / "dist")

        def alone(name: str) -> None:
            environment = create(
                Path(folder) / name, name, wheels, own=OWN[name], groups=["test"]
            )
            environment.run(
                "-m", "pytest", "-q", "-c", ROOT / "pyproject.toml",
                ROOT / "packages" / name / "tests",
            )  # fmt: skip

        side_by_side(alone, DISTRIBUTIONS)


def tests() -> None:
    """Run the suite on every supported Python, with its thorough part on the oldest."""
    for version in PYTHONS:
        environment = str(ROOT / f".venv-{version}")
        variables = {"UV_PROJECT_ENVIRONMENT": environment}
        python = interpreter(version)
        run("uv", "sync", "--quiet", "--locked", "--python", python, env=variables)
        python = str(Path(environment) / "bin" / "python")
        thorough = ("-m", "", "--hypothesis-profile=thorough")
        more = thorough if version == PYTHONS[0] else ()
        run(python, "-m", "pytest", "-q", "-n", "auto", *more)
        print(f"    {version}: passed")


STEPS: dict[str, Callable[[], None]] = {
    "lock": lock,
    "format": format_,
    "lint": lint,
    "bounds": bounds,
    "changes": changes,
    "types": types,
    "ty": ty,
    "imports": imports,
    "api": api,
    "verifytypes": verifytypes,
    "coverage": coverage,
    "isolated": isolated,
    "floors": floors,
    "promises": promises,
    "docs": docs,
    "wheels": wheels,
    "audit": audit,
    "tests": tests,
    "instructions": instructions,
    "soak": soak,
}


def main() -> int:
    """Run the steps that were asked for and say how each one went."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("steps", nargs="*", metavar="step", help="default: all")
    parser.add_argument("--list", action="store_true", help="show the steps")
    arguments = parser.parse_args()
    if arguments.list:
        for name, step in STEPS.items():
            print(f"{name:13}{(step.__doc__ or '').splitlines()[0]}")
        return 0
    unknown = set(arguments.steps) - set(STEPS)
    if unknown:
        parser.error(f"unknown: {', '.join(unknown)}; there are {', '.join(STEPS)}")
    # Not the environment that `uv run` made for this script: each step names its own.
    os.environ.pop("VIRTUAL_ENV", None)
    return max([passes(name) for name in arguments.steps or STEPS])


def passes(name: str) -> int:
    """Run one step; return 0, or 1 when it failed."""
    print(f"{name} …", flush=True)
    start = time.monotonic()
    try:
        STEPS[name]()
    except RuntimeError as error:
        print(error)
        print(f"{name} FAILED", flush=True)
        return 1
    print(f"{name} passed in {time.monotonic() - start:.1f} s", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
