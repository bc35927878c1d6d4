"""The examples in docstrings run; those that only show how something is written parse.

A session (`>>>`) runs as a doctest, with the module's names and those that every program
with this library imports. A block without a prompt uses names of a program that is not
there: it has to be Python, and every import in it has to work.
"""

import ast
import doctest
import gc
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from environments import ROOT

SOURCES = sorted((ROOT / "packages").glob("*/src"))
PARSED = ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
OPTIONS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
BLOCK = re.compile(r"^( *)```python\n(.*?)^ *```$", re.DOTALL | re.MULTILINE)
UNFENCED = re.compile(r"^( *)Example:\n((?:\1 +\S.*\n|\n(?=\1 {4}))+)", re.MULTILINE)


def modules() -> Iterator[str]:
    for source in SOURCES:
        for file in sorted(source.rglob("*.py")):
            if ">>> " in file.read_text():
                parts = file.relative_to(source).with_suffix("").parts
                yield ".".join(parts).removesuffix(".__init__")


def names() -> dict[str, Any]:
    """Return what an example may take for granted."""
    found: dict[str, Any] = {}
    for module in (
        "lexigram.result",
        "lexigram.contracts.web",
        "lexigram.contracts.web.streaming",
        "lexigram.contracts.resilience",
        "lexigram.http",
        "lexigram.resilience",
        "lexigram.testing",
        "lexigram.testing.conformance",
    ):
        loaded = import_module(module)
        found |= {name: getattr(loaded, name) for name in loaded.__all__}
    return found


@pytest.mark.parametrize("name", list(modules()))
def test_the_sessions_of_a_module_run(name: str) -> None:
    module = import_module(name)
    globs = names() | vars(module)
    runner = doctest.DocTestRunner(optionflags=OPTIONS)
    out: list[str] = []
    for test in doctest.DocTestFinder().find(module, globs=globs):
        runner.run(test, out=out.append)
    assert runner.failures == 0, "".join(out)


def parsed(file: Path) -> ast.Module:
    """Parse a file, without a collection meanwhile.

    One that finds a failed task logs its traceback, for which Python 3.11 parses as well,
    and takes the outer parsing for broken then.
    """
    gc.disable()
    try:
        return ast.parse(file.read_text())
    finally:
        gc.enable()


def blocks(module: ast.Module) -> Iterator[str]:
    """Yield the examples of a module's docstrings that are no sessions."""
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    for node in ast.walk(module):
        if isinstance(node, kinds) and (text := ast.get_docstring(node)):
            for _, block in [*BLOCK.findall(text), *UNFENCED.findall(f"{text}\n")]:
                if ">>>" not in block and "```" not in block:
                    yield dedent(block)


def with_blocks() -> Iterator[Path]:
    for source in SOURCES:
        for file in sorted(source.rglob("*.py")):
            if any(blocks(parsed(file))):
                yield file


@pytest.mark.parametrize(
    "file", list(with_blocks()), ids=lambda file: file.relative_to(ROOT).as_posix()
)
def test_what_an_example_imports_is_there(file: Path) -> None:
    for block in blocks(parsed(file)):
        code = compile(block, "<docstring>", "exec", PARSED)
        for node in ast.walk(code):
            if isinstance(node, ast.ImportFrom):
                there = import_module(node.module or "")
                assert all(hasattr(there, alias.name) for alias in node.names)
