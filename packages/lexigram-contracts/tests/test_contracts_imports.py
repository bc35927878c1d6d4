"""The contracts stand on the standard library alone."""

import ast
import gc
import sys
from pathlib import Path

import pytest

import lexigram.contracts
import lexigram.result

ROOTS = [Path(lexigram.contracts.__path__[0]), Path(lexigram.result.__path__[0])]
SOURCES = [path for root in ROOTS for path in sorted(root.rglob("*.py"))]
OWN = ("lexigram.contracts", "lexigram.result")


def run_time_imports(source: str) -> set[str]:
    """Names of imported modules, those under `if TYPE_CHECKING:` left out."""
    gc.collect()  # a finalizer that prints a traceback parses too: CPython gh-106905
    tree = ast.parse(source)
    hidden = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    names: set[str] = set()
    for node in ast.walk(tree):
        if id(node) in hidden:
            continue
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(node.module or "")
    return names


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_every_run_time_import_is_of_the_standard_library_or_of_contracts(
    path: Path,
) -> None:
    for name in run_time_imports(path.read_text()):
        own = name.startswith(OWN)
        assert own or name.partition(".")[0] in sys.stdlib_module_names, name


def test_there_is_something_to_check() -> None:
    assert len(SOURCES) > 10


def test_each_portion_is_marked_as_typed() -> None:
    assert all((root / "py.typed").is_file() for root in ROOTS)
