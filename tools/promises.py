"""Every promise, and the tests that prove it, as docs/reference/promises.md shows them.

    uv run python tools/promises.py            says what is missing on either side
    uv run python tools/promises.py --write    and keeps the table

Promises have ids in five places: `tools/promises.toml` for what SECURITY.md and the guides
say, the conformance suites for the behaviours of the contracts, the table of traps in the
guide to resilience, and that of the claims. A promise without a test, a test that is not
there, an id in SECURITY.md that nobody knows and one of SEC that stands nowhere in it
are problems; so is a document that was not written anew.
"""

from __future__ import annotations

import argparse
import ast
import re
import sys
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from environments import ROOT
from lexigram.testing import conformance

SOURCE: Final = ROOT / "tools" / "promises.toml"
DOCUMENT: Final = ROOT / "docs" / "reference" / "promises.md"
SECURITY: Final = ROOT / "SECURITY.md"
TRAPS: Final = ROOT / "docs" / "guides" / "resilience.md"
CLAIMS: Final = ROOT / "tests" / "claims" / "README.md"
GATE: Final = "check.py"

HEAD: Final = """# Promises, and what proves them

Made by `uv run python tools/promises.py --write`; `tests/test_promises.py` fails when a
promise has no test, or names one that does not exist.

"""
_OF_OTHERS: Final = """## Traps

What goes wrong [elsewhere](../guides/resilience.md#traps): what happens here.
"""
_CONTRACTS: Final = """## Behaviours of the contracts

Each is a test of every implementation that is named below its heading, and of yours:
[the kit](../../packages/lexigram-testing/README.md).
"""

_TRAP: Final = re.compile(r"^\| T(\d+) (.+?) \| .+? \| (.+) \|$", re.MULTILINE)
_CLAIM: Final = re.compile(r"^\| (C\d\d) \| (.+?) \| holds \|$", re.MULTILINE)
_ID: Final = re.compile(r"\b(?:SEC|REL)-\d\d\b")
_OF_TRAP: Final = re.compile(r"(?:^|_)t(\d\d)(?=_)")


@dataclass(frozen=True, slots=True)
class Promise:
    """One sentence that holds, and where that is tried.

    Attributes:
        id: Its name for good.
        says: The sentence.
        tests: The tests, each as "lexigram-http/test_file.py::test_name".
    """

    id: str
    says: str
    tests: tuple[str, ...]


def written() -> list[Promise]:
    """Return the promises of `promises.toml`."""
    content = tomllib.loads(SOURCE.read_text())
    del content["groups"]
    return [Promise(i, one["says"], tuple(one["tests"])) for i, one in content.items()]


def traps() -> list[Promise]:
    """Return the traps of the guide to resilience, as what happens here."""
    by_number: dict[int, list[str]] = {}
    for test in sorted(known()):
        _, _, trap = test.partition("::test_trap_")
        for number in map(int, _OF_TRAP.findall(trap)):
            by_number.setdefault(number, []).append(test)
    return [
        Promise(f"T{number}", f"{what}: {here}", tuple(by_number.get(int(number), ())))
        for number, what, here in _TRAP.findall(TRAPS.read_text())
    ]


def claims() -> list[Promise]:
    """Return the claims, each with the tests that bear its number."""
    return [
        Promise(
            name,
            claim,
            tuple(t for t in sorted(known()) if f"::test_{name.lower()}_" in t),
        )
        for name, claim in _CLAIM.findall(CLAIMS.read_text())
    ]


@cache
def known() -> frozenset[str]:
    """Return every test of the repository, found without importing any."""
    return frozenset(
        f"{place}::{name}"
        for place, tree in _trees()
        for name in _names(tree)
        if name.rpartition(".")[2].startswith("test")
    )


@cache
def _trees() -> tuple[tuple[str, ast.Module], ...]:
    return tuple((place, ast.parse(path.read_text())) for place, path in _files())


def _files() -> Iterator[tuple[str, Path]]:
    for path in sorted((ROOT / "packages").glob("*/tests/test_*.py")):
        yield f"{path.parents[1].name}/{path.name}", path
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        yield str(path.relative_to(ROOT)), path


def _names(tree: ast.Module) -> Iterator[str]:
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name
        elif isinstance(node, ast.ClassDef):
            yield from (f"{node.name}.{name}" for name in _names(_as_module(node)))


def _as_module(node: ast.ClassDef) -> ast.Module:
    return ast.Module(body=node.body, type_ignores=[])


@cache
def suites() -> dict[str, list[str]]:
    """Return the conformance suites, each with the test classes that run it."""
    found: dict[str, list[str]] = {
        name: []
        for name, one in vars(conformance).items()
        if name.endswith("Conformance") and isinstance(one, type)
    }
    for place, tree in _trees():
        for node in tree.body:
            if isinstance(node, ast.ClassDef) and node.name.startswith("Test"):
                bases = {base.id for base in node.bases if isinstance(base, ast.Name)}
                for suite in bases & set(found):
                    found[suite].append(f"{place}::{node.name}")
    return found


def behaviours(suite: str) -> list[tuple[str, str]]:
    """Return the ids and titles of what a suite tries."""
    contract = suite.removesuffix("Conformance").lower()
    (name,) = (
        one
        for one in vars(conformance)
        if one.endswith("_behaviours")
        and one.removesuffix("_behaviours").replace("_", "") == contract
    )
    asked: Any = getattr(conformance, name)(version=version("lexigram-contracts"))
    return [(one.id, " ".join(one.title.split())) for one in asked]


def problems() -> Iterator[str]:
    """Give what is missing, on either side."""
    own = written()
    for promise in [*own, *traps(), *claims()]:
        if not promise.tests:
            yield f"{promise.id} has no test: {promise.says}"
        for test in promise.tests:
            if test not in known() and not _is_step(test):
                yield f"{promise.id} names {test}, which does not exist"
    for suite, classes in suites().items():
        if not classes:
            yield f"nothing runs {suite}"
    ids = {promise.id for promise in own}
    said = set(_ID.findall(SECURITY.read_text()))
    for stray in sorted(said - ids):
        yield f"SECURITY.md names {stray}, which is no promise"
    for unsaid in sorted(i for i in ids - said if i.startswith("SEC-")):
        yield f"{unsaid} does not stand in SECURITY.md"
    if not DOCUMENT.exists() or DOCUMENT.read_text() != document():
        yield f"{DOCUMENT.name} is not up to date: uv run python tools/promises.py --write"


def _is_step(test: str) -> bool:
    file, _, step = test.partition("::")
    return file == GATE and f'"{step}": ' in (ROOT / "tools" / GATE).read_text()


def document() -> str:
    """Return the document."""
    own = written()
    lines = [HEAD.rstrip("\n")]
    groups: Mapping[str, str] = tomllib.loads(SOURCE.read_text())["groups"]
    for prefix, title in groups.items():
        group = [promise for promise in own if promise.id.startswith(prefix)]
        lines += ["", f"## {title}", "", *_table(group)]
    traps_ = (
        "[Traps](../guides/resilience.md#traps) of other libraries, and what is here"
    )
    lines += ["", f"## {traps_}", "", *_table(traps())]
    lines += ["", "## Claims of the documents", "", *_table(claims())]
    lines += ["", _CONTRACTS.rstrip("\n")]
    for suite, classes in suites().items():
        lines += ["", f"### {suite.removesuffix('Conformance')}", ""]
        lines += [f"Tried by {', '.join(map(_link, classes))}.", ""]
        lines += ["| id | an implementation |", "|---|---|"]
        lines += [f"| {i} | {_escaped(title)} |" for i, title in behaviours(suite)]
    return "\n".join(lines) + "\n"


def _table(promises: list[Promise]) -> Iterator[str]:
    yield "| id | promise | proved by |"
    yield "|---|---|---|"
    for promise in promises:
        proofs = "<br>".join(map(_link, promise.tests))
        yield f"| {promise.id} | {_escaped(promise.says)} | {proofs} |"


def _link(test: str) -> str:
    file, _, name = test.partition("::")
    if file == GATE:
        return f"[the step `{name}` of the gate](../../tools/check.py)"
    folder, _, rest = file.partition("/")
    path = file if folder == "tests" else f"packages/{folder}/tests/{rest}"
    return f"[`{name}`](../../{path})"


def _escaped(text: str) -> str:
    return text.replace("|", "\\|")


def main() -> int:
    """Write the document when told to, and say what is missing."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--write", action="store_true", help=f"keep {DOCUMENT.name}")
    if parser.parse_args().write:
        DOCUMENT.write_text(document())
    found = list(problems())
    for problem in found:
        print(problem)
    print(f"{len(found)} problems")
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
