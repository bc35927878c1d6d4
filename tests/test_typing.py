"""The proofs in `tests/typing` hold for every checker, against built wheels.

They are never executed. A proof that something is typed is an `assert_type` or an
annotated assignment; a proof that a mistake is caught ends its line with
`# error: <code of mypy> | <rule of pyright>`. A line that a checker sees otherwise than
it says fails the run, whether a diagnostic is missing, different, or too many.
"""

import ast
import json
import pkgutil
import re
import shutil
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any, Literal, NamedTuple

import pytest
from typing_extensions import is_protocol

import lexigram.contracts
from environments import DISTRIBUTIONS, Environment, create

PROOFS = Path(__file__).with_name("typing")
EXPECTATION = re.compile(r"# error: (?P<mypy>\S+) \| (?P<pyright>\S+)$", re.MULTILINE)
# Mistakes are no errors to the workspace's own run of mypy, over all of `tests`.
WAIVED = "# mypy: ignore-errors"

STRICT = {
    "typeCheckingMode": "strict",
    "reportUnnecessaryTypeIgnoreComment": "error",
}

Tool = Literal["mypy", "pyright"]
TOOLS: tuple[Tool, ...] = ("mypy", "pyright")


class Gap(NamedTuple):
    """A line of `gaps.py` that checkers see otherwise than it says, and why."""

    code: str
    tools: tuple[Tool, ...]
    reason: str


# One that has come to hold fails the run as well: the line moves to where it belongs.
EXPECTED_FAILURES = (
    Gap(
        "result.value.bit_length()",
        ("mypy", "pyright"),
        reason="The absent side is typed `Never`, which makes `result.value` exact "
        "without narrowing; and no checker reports an attribute of `Never`.",
    ),
)

# Protocols that nothing we ship satisfies.
WITHOUT_IMPLEMENTATION = {
    "ProbeCheckProtocol": "For an application's own checks; no feature ships one.",
}


class Place(NamedTuple):
    """A line of a proof."""

    file: str
    line: int


class Diagnostic(NamedTuple):
    """What a checker says of it."""

    place: Place
    code: str
    message: str

    def __str__(self) -> str:
        return f"{self.place.file}:{self.place.line}: {self.message} [{self.code}]"


@pytest.fixture(scope="module")
def everything(
    wheels: dict[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> Environment:
    """An environment with all five distributions."""
    path = tmp_path_factory.mktemp("typing") / "env"
    return create(path, "lexigram", wheels, own=DISTRIBUTIONS, extras=["all"])


@pytest.fixture
def proofs(tmp_path: Path) -> Path:
    """The proofs, where no configuration of the workspace reaches them."""
    for source in PROOFS.glob("*.py"):
        text = source.read_text().replace(WAIVED, "#")
        (tmp_path / source.name).write_text(text)
    (tmp_path / "pyrightconfig.json").write_text(json.dumps(STRICT))
    return tmp_path


def output_of(*command: str | Path, cwd: Path) -> str:
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
    )
    # Beyond 1, both checkers mean that they did not come to check.
    assert done.returncode in (0, 1), done.stdout + done.stderr
    return done.stdout


def mypy(environment: Environment, folder: Path) -> Iterator[Diagnostic]:
    output = output_of(
        sys.executable, "-P", "-m", "mypy", "--strict", "--warn-unused-ignores",
        # A proof that no path reaches proves nothing.
        "--warn-unreachable", "--config-file=", "--output=json",
        "--python-executable", environment.python, "--cache-dir", folder / ".cache", ".",
        cwd=folder,
    )  # fmt: skip
    for line in output.splitlines():
        one = json.loads(line)
        if one["severity"] == "error":
            place = Place(Path(one["file"]).name, one["line"])
            yield Diagnostic(place, one["code"], one["message"])


def pyright(environment: Environment, folder: Path) -> Iterator[Diagnostic]:
    scripts = str(Path(sys.executable).parent)
    output = output_of(
        shutil.which("basedpyright", path=scripts) or "basedpyright",
        "--outputjson", "--pythonpath", environment.python, ".",
        cwd=folder,
    )  # fmt: skip
    report = json.loads(output)
    assert report["summary"]["filesAnalyzed"] == len(list(folder.glob("*.py")))
    for one in report["generalDiagnostics"]:
        place = Place(Path(one["file"]).name, one["range"]["start"]["line"] + 1)
        yield Diagnostic(place, one.get("rule", "syntax"), one["message"])


CHECKERS = {"mypy": mypy, "pyright": pyright}


def expectations(folder: Path, tool: Tool) -> dict[Place, str]:
    """Return the diagnostics that the proofs ask for, by their lines."""
    return {
        Place(source.name, number): expected[tool]
        for source in folder.glob("*.py")
        for number, line in enumerate(source.read_text().splitlines(), 1)
        if (expected := EXPECTATION.search(line))
    }


def misjudged(
    expected: dict[Place, str], diagnostics: list[Diagnostic]
) -> dict[Place, str]:
    """Return the lines that are not seen as they say, and how they differ."""
    found: defaultdict[Place, list[str]] = defaultdict(list)
    for one in diagnostics:
        found[one.place].append(one.code)
    return {
        place: f"expected {expected.get(place)}, found {found[place]}"
        for place in expected.keys() | found.keys()
        if not _agrees(expected.get(place), found[place])
    }


def _agrees(expected: str | None, found: list[str]) -> bool:
    # On the line of a mistake, what follows from it (an unknown type) is reported too.
    return not found if expected is None else expected in found


def code_at(folder: Path, place: Place) -> str:
    """Return a line without its comment and indentation."""
    line = (folder / place.file).read_text().splitlines()[place.line - 1]
    return line.partition("  #")[0].strip()


@pytest.mark.thorough
@pytest.mark.timeout(180)
@pytest.mark.parametrize("tool", TOOLS)
def test_each_line_of_the_proofs_is_seen_as_it_says(
    everything: Environment, proofs: Path, tool: Tool
) -> None:
    diagnostics = list(CHECKERS[tool](everything, proofs))
    wrong = misjudged(expectations(proofs, tool), diagnostics)
    failing = {(place.file, code_at(proofs, place)) for place in wrong}
    known = {("gaps.py", gap.code) for gap in EXPECTED_FAILURES if tool in gap.tools}
    assert failing == known, "\n".join(
        [f"{place.file}:{place.line}: {how}" for place, how in wrong.items()]
        + [str(one) for one in diagnostics if one.place in wrong]
    )


def public_protocols() -> set[str]:
    """Return the names of the protocols that the contracts offer."""
    root = lexigram.contracts
    found = pkgutil.walk_packages(root.__path__, f"{root.__name__}.")
    names = [one.name for one in found if "._" not in one.name]
    return {
        name
        for module in map(import_module, names)
        for name in module.__all__
        if isinstance(value := getattr(module, name), type) and is_protocol(value)
    }


def proved_protocols() -> set[str]:
    """Return the names that annotate an assignment in `implementations.py`."""
    tree = ast.parse((PROOFS / "implementations.py").read_text())
    assignments = (node for node in ast.walk(tree) if isinstance(node, ast.AnnAssign))
    return {_head(node.annotation) for node in assignments if node.value is not None}


def _head(annotation: Any) -> str:
    """Return the name of a type, without its arguments."""
    if isinstance(annotation, ast.Subscript):
        annotation = annotation.value
    return ast.unparse(annotation)


def test_each_protocol_of_the_contracts_has_a_proof_or_a_reason() -> None:
    without = public_protocols() - proved_protocols() - WITHOUT_IMPLEMENTATION.keys()
    assert not without, (
        f"Nothing proves {sorted(without)}. Assign what implements each of them in "
        "tests/typing/implementations.py, `name: Protocol = Implementation()`, or say "
        "in WITHOUT_IMPLEMENTATION why nothing does."
    )


def test_no_reason_stands_for_a_protocol_that_is_proved_or_gone() -> None:
    excused = WITHOUT_IMPLEMENTATION.keys()
    assert not excused & proved_protocols()
    assert not excused - public_protocols()
