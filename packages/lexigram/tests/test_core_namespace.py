import subprocess
import sys
from pathlib import Path

import pytest

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


def test_a_portion_elsewhere_on_the_path_belongs_to_the_package(tmp_path: Path) -> None:
    for folder in ("before", "after"):
        portion = tmp_path / folder / "lexigram"
        portion.mkdir(parents=True)
        (portion / f"{folder}.py").write_text(f"PLACE = {folder!r}")
    done = run_python(
        f"import sys; sys.path.insert(0, {str(tmp_path / 'before')!r})\n"
        f"sys.path.append({str(tmp_path / 'after')!r})\n"
        # A portion without `__init__.py` that comes first must not hide the core.
        "import lexigram, lexigram.before, lexigram.after\n"
        "print(lexigram.before.PLACE, lexigram.after.PLACE, lexigram.Application.__name__)"
    )
    assert (done.stdout, done.stderr) == ("before after Application\n", "")


def test_importing_the_package_loads_nothing() -> None:
    done = run_python(
        "import sys; before = set(sys.modules); import lexigram\n"
        "print(sorted(set(sys.modules) - before))"
    )
    assert done.stdout == "['lexigram']\n"
