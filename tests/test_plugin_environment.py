"""What the pytest plugin does to an environment that it is only installed in."""

from pathlib import Path

import pytest

from environments import Environment, create

OWN = ["lexigram-contracts", "lexigram-testing"]

A_PROJECT = {
    "pytest.ini": "[pytest]\naddopts = --strict-markers --strict-config\n",
    "test_it.py": """\
import sys

def test_nothing_of_ours_but_the_plugin_is_loaded():
    ours = {m for m in sys.modules if m.startswith("lexigram.")}
    assert ours == {"lexigram.testing", "lexigram.testing.pytest_plugin"}
""",
    "test_fixture.py": """\
import asyncio

def test_the_fixture_is_simply_there(fake_http):
    fake_http.on.get("/v1").respond(json=1)
    assert asyncio.run(fake_http.get("/v1")).unwrap().json == 1
""",
}

WITHOUT_PYTEST = """\
import lexigram.testing as kit
for name in kit.__all__:
    getattr(kit, name)
try:
    import lexigram.testing.pytest_plugin
except ModuleNotFoundError as error:
    assert error.name == "pytest", error
else:
    raise AssertionError("pytest is installed")
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with tests, and nothing that configures the kit."""
    for name, text in A_PROJECT.items():
        (tmp_path / name).write_text(text)
    return tmp_path


def environment(
    folder: Path, wheels: dict[str, Path], *, extras: list[str]
) -> Environment:
    path = folder.with_name(f"{folder.name}-env")
    return create(path, "lexigram-testing", wheels, own=OWN, extras=extras)


@pytest.mark.thorough
def test_an_installed_plugin_breaks_no_run_of_pytest(
    wheels: dict[str, Path], project: Path
) -> None:
    installed = environment(project, wheels, extras=["pytest"])
    assert {"lexigram-testing", "pytest"} <= installed.installed()
    # Alone, since the other file loads more: each is a run of its own.
    for name in ("test_it.py", "test_fixture.py"):
        shown = installed.run(
            "-W", "error", "-m", "pytest", "-Werror", name, cwd=project
        )
        assert "1 passed" in shown, shown
        assert "lexigram-testing-" in shown, shown  # in the list of plugins


def test_the_package_needs_no_pytest(wheels: dict[str, Path], project: Path) -> None:
    installed = environment(project, wheels, extras=[])
    assert installed.installed() == set(OWN)
    installed.run("-W", "error", "-c", WITHOUT_PYTEST)
