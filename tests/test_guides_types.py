"""The code on every page passes the type checkers, with the settings that users have.

Most have not annotated their tests, hence no `--strict`; `test_typing.py` proves with it
what our types say. A file here is a page's blocks, one after the other, or an example.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from pages import pages, run_blocks

from environments import DISTRIBUTIONS, ROOT, Environment, create

pytestmark = [pytest.mark.thorough, pytest.mark.timeout(180)]

MYPY = ("-P", "-m", "mypy", "--check-untyped-defs", "--config-file=")
PYRIGHT = {"typeCheckingMode": "standard"}


@pytest.fixture(scope="module")
def everything(
    wheels: dict[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> Environment:
    """An environment with all five distributions, and with pytest."""
    path = tmp_path_factory.mktemp("guides") / "env"
    return create(
        path, "lexigram", wheels, own=DISTRIBUTIONS, extras=["all"], groups=["test"]
    )


@pytest.fixture
def code(tmp_path: Path) -> Path:
    """What the pages show, where no configuration of the workspace reaches it."""
    for page in pages():
        if text := run_blocks(page):
            name = "_".join(page.relative_to(ROOT).with_suffix("").parts)
            (tmp_path / f"{name.replace('-', '_')}.py").write_text(text)
    for example in (ROOT / "docs" / "examples").rglob("*.py"):
        shutil.copy(example, tmp_path)
    return tmp_path


def test_mypy_finds_nothing_on_the_pages(everything: Environment, code: Path) -> None:
    done = subprocess.run(
        [
            sys.executable, *MYPY, "--python-executable", everything.python,
            "--cache-dir", code / ".cache", ".",
        ],
        cwd=code,
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"in {len(list(code.glob('*.py')))} source files" in done.stdout


def test_pyright_finds_nothing_on_the_pages(
    everything: Environment, code: Path
) -> None:
    (code / "pyrightconfig.json").write_text(json.dumps(PYRIGHT))
    scripts = str(Path(sys.executable).parent)
    pyright = shutil.which("basedpyright", path=scripts) or "basedpyright"
    done = subprocess.run(
        [pyright, "--outputjson", "--pythonpath", everything.python, "."],
        cwd=code,
        capture_output=True,
        text=True,
        check=False,
    )
    report = json.loads(done.stdout)
    found = [
        f"{Path(one['file']).name}:{one['range']['start']['line'] + 1}: {one['message']}"
        for one in report["generalDiagnostics"]
    ]
    assert not found, "\n".join(found)
    assert report["summary"]["filesAnalyzed"] == len(list(code.glob("*.py")))
