"""Every example in a docstring runs, within a program as the files of `docstrings/` say.

A session (`>>>`) gives the output that it shows; `await` stands at its prompt as it does
in `python -m asyncio`. A block without a prompt runs to its end, and one of tests is run
by pytest. Time is virtual, and nothing leaves this machine.
"""

from __future__ import annotations

import ast
import asyncio
import doctest
import gc
import importlib.util
import inspect
import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from textwrap import dedent
from types import CodeType
from typing import Any

import pytest

from environments import ROOT
from lexigram.testing import VirtualLoop, block_network

pytest_plugins = ["pytester"]

PROGRAM = ROOT / "tests" / "docstrings"
IMPORTED = (
    "lexigram.result",
    "lexigram.contracts.web",
    "lexigram.contracts.web.streaming",
    "lexigram.contracts.resilience",
    "lexigram.http",
    "lexigram.resilience",
    "lexigram.resilience.events",
    "lexigram.resilience.watching",
    "lexigram.testing",
    "lexigram.testing.conformance",
)
SERVER = "https://api.example.com"
DEFINITIONS = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
BLOCK = re.compile(r"^( *)```python\n(.*?)^ *```$", re.DOTALL | re.MULTILINE)
TESTS = re.compile(
    r"^(?:async def test_|def pytest_|class \w+\((?:\w+Conformance|unittest\.))",
    re.MULTILINE,
)
# They make time virtual by themselves, or need that of another process.
OWN_TIME = {"REDIS_URL", "check_http_client", "store", "virtual_time"}
# What the `conftest.py` among the examples is for.
OUTAGES = """
import asyncio
from lexigram.testing import VirtualLoop

async def test_the_loop_is_virtual(anyio_backend):
    assert isinstance(asyncio.get_running_loop(), VirtualLoop)
    assert anyio_backend == ("asyncio", {"loop_factory": VirtualLoop})
"""


# --- the examples ---------------------------------------------------------------------


@dataclass(frozen=True)
class Example:
    """A docstring, which is a session if it has a prompt, or a block in one."""

    module: str
    owner: str
    text: str

    def __str__(self) -> str:
        return f"{self.module}:{self.owner}"

    @property
    def kind(self) -> str:
        if ">>> " in self.text:
            return "session"
        return "tests" if TESTS.search(self.text) else "block"

    @property
    def code(self) -> str:
        if self.kind != "session":
            return self.text
        return "".join(
            one.source for one in doctest.DocTestParser().get_examples(self.text)
        )


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


def docstrings(tree: ast.AST, owner: str = "") -> Iterator[tuple[str, str]]:
    """Yield every text that stands for itself, those of attributes too."""
    for node in ast.iter_child_nodes(tree):
        match node:
            case ast.Expr(ast.Constant(str() as text)):
                yield owner, inspect.cleandoc(text)
            case ast.ClassDef() | ast.FunctionDef() | ast.AsyncFunctionDef():
                yield from docstrings(node, f"{owner}.{node.name}".lstrip("."))
            case _:
                yield from docstrings(node, owner)


@cache
def all_docstrings() -> list[Example]:
    return [
        Example(".".join(parts).removesuffix(".__init__"), owner, text)
        for source in sorted((ROOT / "packages").glob("*/src"))
        for file in sorted(source.rglob("*.py"))
        for parts in [file.relative_to(source).with_suffix("").parts]
        for owner, text in docstrings(parsed(file))
    ]


def examples_in(doc: Example) -> Iterator[Example]:
    if ">>> " in doc.text:
        yield doc
    for _, block in BLOCK.findall(doc.text):
        yield Example(doc.module, doc.owner, dedent(block))


EXAMPLES = [example for doc in all_docstrings() for example in examples_in(doc)]


def of_kind(kind: str) -> list[Example]:
    return [example for example in EXAMPLES if example.kind == kind]


# --- the program around them ----------------------------------------------------------


@cache
def part_of_the_program(name: str) -> dict[str, Any]:
    spec = importlib.util.spec_from_file_location(name, PROGRAM / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return vars(module)


def names_for(module: str) -> dict[str, Any]:
    """Return what the examples of a module may take for granted, its own names first."""
    found: dict[str, Any] = {}
    for each in map(import_module, IMPORTED):
        found |= {name: getattr(each, name) for name in each.__all__}
    for part in ("program", "implementations"):
        found |= part_of_the_program(part)
    found |= vars(import_module(module))
    return {
        name: value
        for name, value in found.items()
        if not name.startswith(("__", "pytest_"))
    }


@contextmanager
def running(
    example: Example,
) -> Iterator[tuple[str, dict[str, Any], Callable[..., None]]]:
    """Start what an example uses; yield its text, its names and what runs its code."""
    used = free_names(example.code) | ({"API"} if SERVER in example.text else set())
    names = names_for(example.module) | {"__name__": "example"}
    stack = AsyncExitStack()

    async def start() -> None:
        for service, offered in part_of_the_program("services")["SERVICES"].items():
            if used & offered:
                names.update(await stack.enter_async_context(service(names)))

    def run(code: CodeType, names: dict[str, Any] = names) -> None:
        outcome = eval(code, names)  # noqa: S307 - what our docstrings say
        if code.co_flags & inspect.CO_COROUTINE:
            runner.run(outcome)

    loop = None if used & OWN_TIME else VirtualLoop
    with block_network(), asyncio.Runner(loop_factory=loop) as runner:
        try:
            runner.run(start())
            yield example.text.replace(SERVER, names.get("API", SERVER)), names, run
        finally:
            runner.run(stack.aclose())


def free_names(code: str) -> set[str]:
    names = [node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Name)]
    loaded, stored = (
        {name.id for name in names if isinstance(name.ctx, context)}
        for context in (ast.Load, ast.Store)
    )
    return loaded - stored


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that an example runs in, with the files that it reads."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(PROGRAM / "cassettes", tmp_path / "cassettes")
    Path("photo.jpg").write_bytes(bytes(300_000))
    return tmp_path


def run_example(example: Example) -> None:
    """Run a session or a block; raises what is wrong with it."""
    flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    with running(example) as (text, names, run):
        if example.kind == "session":
            run_session(str(example), text, names, flags, run)
        else:
            run(compile(text, str(example), "exec", flags, dont_inherit=True))


def run_session(
    name: str, text: str, names: dict[str, Any], flags: int, run: Callable[..., None]
) -> None:
    test = doctest.DocTestParser().get_doctest(text, names, name, None, 0)
    options = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    runner = doctest.DocTestRunner(optionflags=options)
    out: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        # What runs a doctest does not await.
        patch.setattr(doctest, "exec", run, raising=False)
        runner.run(test, compileflags=flags, out=out.append, clear_globs=False)
    assert runner.failures == 0, "".join(out)


def run_tests(examples: list[Example], pytester: pytest.Pytester) -> set[str]:
    """Run blocks of tests by one pytest; return the files of which not all is well."""
    files: dict[str, str] = {}
    for number, example in enumerate(examples):
        name = example.owner or f"{example.module.rpartition('.')[2]}_{number}"
        hooks = "def pytest_" in example.text
        file = "conftest" if hooks else f"test_{name}"
        assert file not in files, f"{example} has two; give them one block"
        files[file] = (
            "from test_docstrings import names_for\n"
            f"globals().update(names_for({example.module!r}))\n\n"
            f"{example.text}"
        )
    pytester.makepyfile(**files)
    shutil.copytree(PROGRAM / "cassettes", pytester.path / "cassettes")
    path = os.pathsep.join(str(ROOT / folder) for folder in ("tests", "tools"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", path)
        done = pytester.runpytest_subprocess(
            "-v", "-W", "error", "-p", "no:randomly", "-o", "markers=thorough",
            "-o", "asyncio_mode=auto", "-o", "xfail_strict=true",
            "-o", "asyncio_default_fixture_loop_scope=function",
        )  # fmt: skip
    lines = "\n".join(done.outlines)
    passed, failed = (
        set(re.findall(rf"^([\w/]+)\.py::.* (?:{outcome}) ", lines, re.MULTILINE))
        for outcome in ("PASSED", "FAILED|ERROR")
    )
    return files.keys() - {"conftest"} - passed | failed


# --- the tests ------------------------------------------------------------------------


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("example", of_kind("session"), ids=str)
def test_a_session_gives_what_it_shows(example: Example) -> None:
    run_example(example)


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("example", of_kind("block"), ids=str)
def test_a_block_runs_to_its_end(example: Example) -> None:
    run_example(example)


@pytest.mark.thorough
def test_the_tests_in_examples_pass(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(**{"outages/test_time": OUTAGES})
    assert run_tests(of_kind("tests"), pytester) == set()


def test_every_example_is_told_from_prose() -> None:
    for doc in all_docstrings():
        blocks = BLOCK.findall(doc.text)
        assert len(blocks) == doc.text.count("```python"), f"{doc}: a fence is open"
        for begin in re.findall(r"^ *Example:\n+ *(.*)", doc.text, re.MULTILINE):
            assert begin.startswith((">>> ", "```python")), f"{doc}: fence the example"
        prose = BLOCK.sub("", doc.text)
        assert set(re.findall(r"```(\w+)", prose)) <= {"json"}, f"{doc}: say python"
        for paragraph in re.split(r"\n\s*\n", prose):
            assert not is_code(paragraph), f"{doc}: fence the code\n{paragraph}"


def is_code(paragraph: str) -> bool:
    """Whether an indented paragraph is Python, and says so by more than a name."""
    if not paragraph.startswith("    "):
        return False
    try:
        found = ast.parse(dedent(paragraph)).body
    except SyntaxError:
        return False
    telling = (ast.Assign, ast.AsyncWith, ast.Import, ast.ImportFrom, ast.With)
    return any(isinstance(one, (*DEFINITIONS, *telling)) for one in found)


@pytest.mark.parametrize("example", [*of_kind("session"), *of_kind("block")], ids=str)
def test_an_example_calls_what_it_defines(example: Example) -> None:
    body = ast.parse(example.code).body
    defined = [one for one in body if isinstance(one, DEFINITIONS)]
    uncalled = {one.name for one in defined if not one.decorator_list}
    assert uncalled <= free_names(example.code)


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("text", "failure"),
    [
        ("assert Ok(1).unwrap() == 2", "AssertionError"),
        ("await fetch_currency()", "ConnectionError"),
        ("from lexigram.http import HttpClient", "ImportError"),
        (
            "import socket\nsocket.create_connection(('192.0.2.1', 80))",
            "NetworkBlocked",
        ),
        (">>> await fetch_order()\n8", "AssertionError"),
        (">>> await fetch_currency()", "AssertionError"),
    ],
)
def test_a_broken_example_fails(text: str, failure: str) -> None:
    with pytest.raises(BaseException) as raised:  # noqa: PT011 - of the network's guard
        run_example(Example("lexigram.result", "", f"{text}\n"))
    assert failure in {kind.__name__ for kind in type(raised.value).__mro__}


@pytest.mark.thorough
def test_a_broken_test_in_an_example_fails(pytester: pytest.Pytester) -> None:
    bodies = {"good": "pass", "bad": "assert Ok(1).is_err()", "idle": "pytest.skip('')"}
    examples = [
        Example("lexigram.result", name, f"async def test_it():\n    {body}\n")
        for name, body in bodies.items()
    ]
    assert run_tests(examples, pytester) == {"test_bad", "test_idle"}
