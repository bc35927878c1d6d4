"""Mutation run: change the code, one place at a time, and see whether a test notices.

    uv run python tools/mutation.py contracts
    uv run python tools/mutation.py resilience

Works on copies, in an environment of its own (network: the tools come from the index),
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
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from environments import OWN, ROOT, Environment, build_wheels, create, run

# A report names the version that made its mutants; another one makes others.
MUTMUT = "3.8.1"
REQUIRED = 0.95
LIMIT = 20 * 60
REASONS = Path(__file__).with_suffix(".toml")
# A mutant that makes the tests hang is noticed as well as one that fails them.
NOTICED = {"killed", "timeout"}
UNEXPLAINED = "unexplained"


@dataclass(frozen=True)
class Group:
    """Files that are mutated together, and the tests that have to notice it.

    Attributes:
        name: What a report calls them.
        sources: The files, as patterns of paths below the package's own folder.
        tests: The files of tests, as patterns of names.
    """

    name: str
    sources: Sequence[str]
    tests: Sequence[str]


@dataclass(frozen=True)
class Part:
    """What is mutated.

    Attributes:
        package: The distribution.
        groups: Its files, with the tests that are theirs: a part that has many slow
            tests does not try all of them on each mutant.
        left_out: Files of tests that cannot run on mutants, and why.
    """

    package: str
    groups: Sequence[Group]
    left_out: Mapping[str, str] = field(default_factory=dict)

    @property
    def folder(self) -> str:
        """Where its sources are, seen from the distribution."""
        return f"src/{self.package.replace('-', '/')}"


def tests_of(*names: str) -> list[str]:
    """Return the files of tests of the resilience package by what follows its name."""
    return [f"test_resilience_{name}.py" for name in names]


PARTS = {
    "contracts": Part(
        "lexigram-contracts",
        [Group("all", ["*"], ["*"])],
        {
            "test_contracts_fresh_interpreter.py": "starts interpreters of its own, "
            "which know of no mutant",
            "test_contracts_imports.py": "reads the source, where the tool's own imports "
            "stand as well",
            "test_contracts_origins.py": "counts the frames of calls, and the tool puts "
            "two more around each function",
        },
    ),
    "resilience": Part(
        "lexigram-resilience",
        [
            Group(
                "breaker",
                ["_breaker/*.py"],
                tests_of("breaker*", "circuit*", "windows", "registry"),
            ),
            Group(
                "retry",
                [
                    f"_retry/{name}.py"
                    for name in (
                        *("attempts", "backoff", "decorator", "failures"),
                        *("judging", "nesting", "policy", "reporting"),
                    )
                ],
                tests_of("retry*", "backoff"),
            ),
            Group("budget", ["_retry/budget.py"], tests_of("budget*", "retry_budget")),
            Group(
                "limiter",
                [f"_admission/{name}.py" for name in ("gcra", "limiter", "waiting")],
                tests_of("gcra", "limiter*"),
            ),
            Group("bulkhead", ["_admission/bulkhead.py"], tests_of("bulkhead")),
            Group("keyed", ["_keyed.py"], tests_of("keyed")),
            Group("timing", ["_timing/*.py"], tests_of("timeouts")),
        ],
    ),
}

CONFIGURATION = """\
[tool.pytest.ini_options]
# In order and with the same examples each time: the report can be made again.
addopts = ["--import-mode=importlib", "-p", "no:randomly", "--hypothesis-profile=mutants"]
asyncio_mode = "auto"
asyncio_default_fixture_loop_scope = "function"
pythonpath = ["src"]

[tool.mutmut]
source_paths = ["src/"]
only_mutate = {only}
also_copy = ["conftest.py"]
pytest_add_cli_args_test_selection = ["tests/"]
timeout_multiplier = 5.0
"""

# To have failed is enough: nobody reads the smallest example.
PROFILE = """\
from hypothesis import Phase, settings

settings.register_profile(
    "mutants", settings.get_profile("ci"), phases=[Phase.explicit, Phase.generate]
)
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
    """What the run of one group found."""

    group: Group
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
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument(
        "--only", action="append", metavar="GROUP", help="print these, keep no report"
    )
    given = parser.parse_args()
    name, part = given.part, PARTS[given.part]
    if given.only:
        chosen = [group for group in part.groups if group.name in given.only]
        part = replace(part, groups=chosen)
    reasons = tomllib.loads(REASONS.read_text(encoding="utf-8")).get(name, {})
    # Not the environment that `uv run` made for this script.
    os.environ.pop("VIRTUAL_ENV", None)
    with tempfile.TemporaryDirectory() as folder:
        environment = prepare(part, Path(folder))
        outcomes = []
        for group in part.groups:
            copy = copied(part, group, Path(folder) / group.name)
            outcome = mutate(environment, group, copy, reasons, given.processes)
            outcomes.append(outcome)
            print(f"{group.name}: {outcome.killed} of {outcome.mutants} killed.")
    if given.only:
        print(report(name, outcomes))
        return judged({}, outcomes)
    target = ROOT / "docs" / "reports" / f"mutation-{name}.md"
    target.parent.mkdir(exist_ok=True)
    target.write_text(report(name, outcomes), encoding="utf-8")
    print(f"See {target.relative_to(ROOT)}.")
    return judged(reasons, outcomes)


def judged(
    reasons: Mapping[str, Mapping[str, str]], outcomes: Sequence[Outcome]
) -> int:
    """Say what is to be done; 1 when too many mutants survive."""
    survivors = [survivor for outcome in outcomes for survivor in outcome.survivors]
    for function, line in unused(reasons, survivors):
        print(
            f"No survivor of {function} holds {line!r}. Remove it from {REASONS.name}."
        )
    low = [outcome for outcome in outcomes if outcome.share < REQUIRED]
    for outcome in low:
        print(
            f"{outcome.group.name}: {outcome.share:.1%} are killed, at least "
            f"{REQUIRED:.0%} have to be. Write tests for the survivors."
        )
    return 1 if low else 0


def prepare(part: Part, folder: Path) -> Environment:
    """Make an environment with what the tests of a distribution need but itself."""
    own = [name for name in OWN[part.package] if name != part.package]
    environment = create(
        folder / "environment",
        part.package,
        build_wheels(folder / "wheels"),
        own=own,
        groups=("test",),
    )
    run(
        "uv", "pip", "install", "--quiet", "--python", environment.python,
        f"mutmut=={MUTMUT}",
    )  # fmt: skip
    return environment


def copied(part: Part, group: Group, copy: Path) -> Path:
    """Copy a distribution, with the tests of one group."""
    package = ROOT / "packages" / part.package
    ignored = shutil.ignore_patterns("__pycache__", ".hypothesis")
    shutil.copytree(package / "src", copy / "src", ignore=ignored)
    (copy / "tests").mkdir()
    for pattern in group.tests:
        for file in (package / "tests").glob(pattern):
            if file.is_file() and file.name not in part.left_out:
                shutil.copy(file, copy / "tests")
    only = [f"{part.folder}/{pattern}" for pattern in group.sources]
    (copy / "pyproject.toml").write_text(CONFIGURATION.format(only=only))
    (copy / "conftest.py").write_text(PROFILE)
    return copy


def mutate(
    environment: Environment,
    group: Group,
    copy: Path,
    reasons: Mapping[str, Mapping[str, str]],
    processes: int,
) -> Outcome:
    """Try every mutant of a copy and look at those that survive."""
    start = time.monotonic()
    output = bounded(
        environment.python, "-I", "-m", "mutmut", "run",
        "--max-children", str(processes), cwd=copy,
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
    return Outcome(group, Counter(found.values()), survivors, seconds)


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


def report(name: str, outcomes: Sequence[Outcome]) -> str:
    """Write what a run found, for people."""
    part = PARTS[name]
    mutants = sum(outcome.mutants for outcome in outcomes)
    killed = sum(outcome.killed for outcome in outcomes)
    seconds = sum(outcome.seconds for outcome in outcomes)
    found = [survivor for outcome in outcomes for survivor in outcome.survivors]
    survivors = "".join(map(section, found)) or "\nNone.\n"
    return f"""\
# Mutation run: {part.package}

Made by `uv run python tools/mutation.py {name}`. Each mutant is the code with one place
changed; it is killed when a test notices.

| | |
|---|---|
| date | {datetime.now(UTC):%Y-%m-%d} |
| Python | {sys.version.split()[0]} |
| mutmut | {MUTMUT} |
| mutants | {mutants} |
| killed | {killed} |
| survived | {mutants - killed} |
| share killed | {killed / mutants:.1%}, at least {REQUIRED:.0%} required |
| time | {seconds:.0f} s |

{by_group(outcomes)}Constants of modules and defaults of dataclasses are not mutated: the tool changes
functions only.{absent(part)}

## Survivors
{survivors}"""


def by_group(outcomes: Sequence[Outcome]) -> str:
    """Show the share of each group, where there are several."""
    if len(outcomes) == 1:
        return ""
    rows = "".join(
        f"| {outcome.group.name} | {files(outcome.group.sources)} "
        f"| {files(outcome.group.tests)} | {outcome.mutants} | {outcome.killed} "
        f"| {outcome.share:.1%} | {outcome.seconds:.0f} s |\n"
        for outcome in outcomes
    )
    return f"""\
The share is required of each group. The mutants of a group meet the tests of the group
alone.

| group | files | tests | mutants | killed | share | time |
|---|---|---|---|---|---|---|
{rows}
"""


def files(names: Sequence[str]) -> str:
    """Show names of files in one cell of a table."""
    return ", ".join(f"`{name}`" for name in names)


def absent(part: Part) -> str:
    """Say which tests take no part."""
    lines = "".join(f"\n- `{file}` {why}." for file, why in part.left_out.items())
    return f" These tests take no part:\n{lines}" if lines else ""


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
