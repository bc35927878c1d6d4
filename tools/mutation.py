"""Mutation run: change the code, one place at a time, and see whether a test notices.

    uv run python tools/mutation.py contracts

Works on a copy, in an environment of its own (network: the tools come from the index),
writes docs/reports/mutation-<part>.md and exits with 1 when fewer mutants are killed
than required. `mutation.toml` says of each mutant that survives why it does.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from environments import ROOT, Environment, run

# A report names the version that made its mutants; another one makes others.
MUTMUT = "3.8.1"
REQUIRED = 0.95
LIMIT = 20 * 60
REASONS = Path(__file__).with_suffix(".toml")
# A mutant that makes the tests hang is noticed as well as one that fails them.
NOTICED = {"killed", "timeout"}
UNEXPLAINED = "unexplained"


@dataclass(frozen=True)
class Part:
    """What is mutated.

    Attributes:
        package: The distribution.
        left_out: Files of tests that cannot run on mutants, and why.
    """

    package: str
    left_out: Mapping[str, str]


PARTS = {
    "contracts": Part(
        "lexigram-contracts",
        {
            "test_contracts_fresh_interpreter.py": "starts interpreters of its own, "
            "which know of no mutant",
            "test_contracts_imports.py": "reads the source, where the tool's own imports "
            "stand as well",
            "test_contracts_origins.py": "counts the frames of calls, and the tool puts "
            "two more around each function",
        },
    ),
}

CONFIGURATION = """\
[tool.pytest.ini_options]
# In order and with the same examples each time: the report can be made again.
addopts = ["--import-mode=importlib", "-p", "no:randomly", "--hypothesis-profile=ci"]
asyncio_mode = "auto"
asyncio_default_fixture_loop_scope = "function"
pythonpath = ["src"]

[tool.mutmut]
source_paths = ["src/"]
pytest_add_cli_args_test_selection = ["tests/"]
"""


@dataclass(frozen=True)
class Survivor:
    """A mutant that no test notices."""

    function: str
    status: str
    lines: tuple[str, ...]
    reason: str


@dataclass(frozen=True)
class Outcome:
    """What a run found."""

    statuses: Counter[str]
    survivors: Sequence[Survivor]
    seconds: float

    @property
    def mutants(self) -> int:
        """How many mutants there are."""
        return self.statuses.total()

    @property
    def killed(self) -> int:
        """How many of them the tests notice."""
        return sum(self.statuses[status] for status in NOTICED)

    @property
    def share(self) -> float:
        """The part of the mutants that the tests notice."""
        return self.killed / self.mutants


def main() -> int:
    """Run the mutants of one part and write the report."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("part", choices=PARTS)
    name = parser.parse_args().part
    reasons = tomllib.loads(REASONS.read_text(encoding="utf-8")).get(name, {})
    # Not the environment that `uv run` made for this script.
    os.environ.pop("VIRTUAL_ENV", None)
    with tempfile.TemporaryDirectory() as folder:
        environment = prepare(PARTS[name], Path(folder))
        outcome = mutate(environment, Path(folder) / "copy", reasons)
    target = ROOT / "docs" / "reports" / f"mutation-{name}.md"
    target.parent.mkdir(exist_ok=True)
    target.write_text(report(name, outcome), encoding="utf-8")
    print(
        f"{outcome.killed} of {outcome.mutants} mutants killed, {outcome.share:.1%}. "
        f"See {target.relative_to(ROOT)}."
    )
    for function, line in unused(reasons, outcome.survivors):
        print(
            f"No survivor of {function} holds {line!r}. Remove it from {REASONS.name}."
        )
    if outcome.share < REQUIRED:
        print(f"At least {REQUIRED:.0%} have to be: write tests for the survivors.")
        return 1
    return 0


def prepare(part: Part, folder: Path) -> Environment:
    """Copy a distribution and make an environment with what its tests need."""
    package, copy = ROOT / "packages" / part.package, folder / "copy"
    left_out = shutil.ignore_patterns("__pycache__", ".hypothesis", *part.left_out)
    for name in ("src", "tests"):
        shutil.copytree(package / name, copy / name, ignore=left_out)
    (copy / "pyproject.toml").write_text(CONFIGURATION)
    environment = Environment(folder / "environment")
    run("uv", "venv", "--quiet", "--python", sys.executable, environment.path)
    run(
        "uv", "pip", "install", "--quiet", "--python", environment.python,
        f"mutmut=={MUTMUT}", "--group", f"{package / 'pyproject.toml'}:test",
    )  # fmt: skip
    return environment


def mutate(
    environment: Environment, copy: Path, reasons: Mapping[str, Mapping[str, str]]
) -> Outcome:
    """Try every mutant of a copy and look at those that survive."""
    start = time.monotonic()
    output = bounded(
        environment.python, "-I", "-m", "mutmut", "run",
        "--max-children", str(os.cpu_count() or 1), cwd=copy,
    )  # fmt: skip
    seconds = time.monotonic() - start
    found = dict(
        statuses(environment.run("-m", "mutmut", "results", "--all", "true", cwd=copy))
    )
    if not found or "not checked" in found.values():
        raise RuntimeError(f"Not every mutant was tried:\n{output[-2000:]}")
    survivors = []
    for mutant, status in sorted(found.items()):
        if status not in NOTICED:
            diff = environment.run("-m", "mutmut", "show", mutant, cwd=copy)
            survivors.append(survivor(mutant, status, diff, reasons))
    return Outcome(Counter(found.values()), survivors, seconds)


def bounded(*command: str | Path, cwd: Path) -> str:
    """Run a command for at most `LIMIT` seconds; nothing that it started is left."""
    # A group of its own, as mutmut forks for each mutant.
    with subprocess.Popen(
        [str(part) for part in command],
        cwd=cwd,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            return process.communicate(timeout=LIMIT)[0]
        except subprocess.TimeoutExpired:
            raise RuntimeError(f"The mutants took longer than {LIMIT} s.") from None
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)


def statuses(results: str) -> Iterator[tuple[str, str]]:
    """Read the name and the status of each mutant from mutmut's list."""
    for line in results.splitlines():
        mutant, colon, status = line.strip().rpartition(": ")
        if colon and "__mutmut_" in mutant:
            yield mutant, status


def survivor(
    mutant: str, status: str, diff: str, reasons: Mapping[str, Mapping[str, str]]
) -> Survivor:
    """Describe a mutant by its function, its lines and the reason that is known."""
    function, lines = function_of(mutant), tuple(changes(diff))
    known = (
        reason
        for text, reason in reasons.get(function, {}).items()
        if makes(lines, text)
    )
    return Survivor(function, status, lines, next(known, UNEXPLAINED))


def makes(lines: Sequence[str], text: str) -> bool:
    """Say whether a change puts in a line with this text, or takes out only such."""
    put_in = [line for line in lines if line.startswith("+")]
    return any(text in line for line in put_in or lines)


def function_of(mutant: str) -> str:
    """Return the dotted name of what mutmut calls `module.xǁClassǁmethod__mutmut_1`."""
    module, _, mangled = mutant.rpartition("__mutmut_")[0].rpartition(".")
    return f"{module}.{mangled[2:].replace(chr(0x1C1), '.')}"


def changes(diff: str) -> Iterator[str]:
    """Read the lines that a diff takes out and puts in."""
    _, _, hunks = diff.partition("@@")
    for line in hunks.splitlines()[1:]:
        if line.startswith(("+", "-")):
            yield f"{line[0]} {line[1:].strip()}"


def unused(
    reasons: Mapping[str, Mapping[str, str]], survivors: Sequence[Survivor]
) -> Iterator[tuple[str, str]]:
    """Find the reasons that explain nothing any more."""
    for function, known in reasons.items():
        changed = [each.lines for each in survivors if each.function == function]
        for text in known:
            if not any(makes(lines, text) for lines in changed):
                yield function, text


def report(name: str, outcome: Outcome) -> str:
    """Write what a run found, for people."""
    part = PARTS[name]
    left_out = "\n".join(f"- `{file}` {why}." for file, why in part.left_out.items())
    survivors = "".join(map(section, outcome.survivors)) or "\nNone.\n"
    return f"""\
# Mutation run: {part.package}

Made by `uv run python tools/mutation.py {name}`. Each mutant is the code with one place
changed; it is killed when a test notices.

| | |
|---|---|
| date | {datetime.now(UTC):%Y-%m-%d} |
| Python | {sys.version.split()[0]} |
| mutmut | {MUTMUT} |
| mutants | {outcome.mutants} |
| killed | {outcome.killed} |
| survived | {outcome.mutants - outcome.killed} |
| share killed | {outcome.share:.1%}, at least {REQUIRED:.0%} required |
| time | {outcome.seconds:.0f} s |

Constants of modules and defaults of dataclasses are not mutated: the tool changes
functions only. These tests take no part:

{left_out}

## Survivors
{survivors}"""


def section(survivor: Survivor) -> str:
    """Show one mutant and say why it survives."""
    usual = survivor.status == "survived"
    reason = survivor.reason if usual else f"({survivor.status}) {survivor.reason}"
    diff = "\n".join(survivor.lines)
    return f"\n### `{survivor.function}`\n\n```diff\n{diff}\n```\n\n{reason}\n"


if __name__ == "__main__":
    try:
        sys.exit(main())
    except RuntimeError as error:
        sys.exit(str(error))
