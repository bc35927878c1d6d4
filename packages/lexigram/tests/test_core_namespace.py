import ast
import subprocess
import sys
from pathlib import Path

import pytest

import lexigram
from lexigram import Application, application


def run_python(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        capture_output=True,
        text=True,
        check=False,
        timeout=50,
    )


def test_importing_the_contracts_does_not_load_the_core() -> None:
    done = run_python(
        "import sys, lexigram.contracts.di\n"
        "print([m for m in ('lexigram.application', 'dishka', 'pydantic', 'structlog')"
        " if m in sys.modules])"
    )

    assert done.stdout == "[]\n"
    assert done.stderr == ""


def test_importing_everything_prints_nothing_and_configures_no_logging() -> None:
    done = run_python(
        "import logging, sys, lexigram\n"
        "lexigram.Application\n"
        "logging.getLogger('lexigram.http.client').warning('unheard')\n"
        "sys.exit(len(logging.getLogger().handlers))"
    )

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_package_offers_the_application() -> None:
    assert Application is application.Application


def test_an_unknown_name_is_an_import_error() -> None:
    with pytest.raises(ImportError, match="Nope"):
        from lexigram import Nope  # type: ignore[attr-defined]  # noqa: F401, PLC0415


def test_the_package_extends_its_path_before_it_does_anything_else() -> None:
    body = ast.parse(Path(str(lexigram.__file__)).read_text(encoding="utf-8")).body

    assert [ast.unparse(statement) for statement in body[1:3]] == [
        "import pkgutil",
        "__path__ = pkgutil.extend_path(__path__, __name__)",
    ]
