"""Steps about types that users see: how complete they are, and a second opinion."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from environments import DISTRIBUTIONS, ROOT, Environment, build_wheels, create, run

# What users import; the last stands for all that the core ships, and sees the rest too.
VERIFIED = (
    "lexigram.contracts",
    "lexigram.result",
    "lexigram.http",
    "lexigram.resilience",
    "lexigram.testing",
    "lexigram",
)
# These follow from another symbol's incompleteness, which is listed itself.
CONSEQUENCE = re.compile(r"is partially unknown")


def verifytypes() -> None:
    """Require every public symbol of the installed wheels to have a complete type."""
    incomplete: dict[str, list[str]] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        wheels = build_wheels(folder / "dist")
        # The test kit's plugin and strategies are typed by pytest and hypothesis.
        environment = create(
            folder / "env",
            "lexigram",
            wheels,
            own=DISTRIBUTIONS,
            extras=["all"],
            groups=["test"],
        )
        for package in VERIFIED:
            report = completeness(environment, package)
            print(f"    {package}: {report['completenessScore']:.1%}")
            if report["completenessScore"] < 1:
                incomplete[package] = list(causes(report, environment.path))
    if incomplete:
        causes_once = sorted(
            {cause for found in incomplete.values() for cause in found}
        )
        raise RuntimeError("Incomplete types, by cause:\n" + "\n".join(causes_once))


def completeness(environment: Environment, package: str) -> dict[str, Any]:
    """Return what pyright says of a package's types in an environment."""
    # It takes the interpreter from PATH; `--pythonpath` is not read for this.
    path = os.pathsep.join([str(environment.python.parent), os.environ["PATH"]])
    done = subprocess.run(
        [
            Path(sys.executable).with_name("basedpyright"),
            *("--verifytypes", package, "--ignoreexternal", "--outputjson"),
        ],
        cwd=environment.path.parent,
        env=os.environ | {"PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    report: dict[str, Any] = json.loads(done.stdout).get("typeCompleteness", {})
    if not report.get("modules"):
        raise RuntimeError(f"Pyright found no {package!r}:\n{done.stdout}")
    return report


def causes(report: dict[str, Any], root: Path) -> Iterator[str]:
    """Say which symbols make a report incomplete, and where they stand."""
    for symbol in report["symbols"]:
        for problem in symbol["diagnostics"]:
            if problem["severity"] != "error" or CONSEQUENCE.search(problem["message"]):
                continue
            file = problem.get("file", "").removeprefix(f"{root}/")
            line = problem.get("range", {}).get("start", {}).get("line", -1) + 1
            where = f"{file.partition('site-packages/')[2] or file}:{line}"
            message = problem["message"].partition("\n")[0]
            yield f"    {where}: `{symbol['name']}`: {message}"


def ty() -> None:
    """Count what ty reports per package; a second opinion that never fails."""
    for name in DISTRIBUTIONS:
        shown = run(
            "uv", "run", "ty", "check", "--exit-zero", "--output-format=concise",
            "--no-progress", "--color=never", "--python", sys.executable,
            ROOT / "packages" / name / "src",
        )  # fmt: skip
        found = re.search(r"Found (\d+) diagnostic", shown)
        print(f"    {name}: {found[1] if found else 0} diagnostics")
