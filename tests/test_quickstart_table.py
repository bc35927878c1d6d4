"""Each mistake of the quick start's table is made, and shows what the table says."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from environments import ROOT, create

START = ROOT / "docs" / "examples" / "start"
PAGE = (ROOT / "docs" / "quickstart.md").read_text()
PYTEST_INI = re.findall(r"^```ini\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)[0]
TABLE = PAGE.partition("| you see | because |\n|---|---|\n")[2].partition("\n\n")[0]
ROWS = [
    re.findall(r"`([^`]+)`", row.split(" | ")[0]) for row in TABLE.strip().splitlines()
]


@dataclass(frozen=True)
class Mistake:
    """A change of one of the page's files, in the order of the table.

    Attributes:
        name: What somebody did.
        file: Where.
        right: As the page has it.
        wrong: As it is written instead.
    """

    name: str
    file: str
    right: str
    wrong: str


MISTAKES = [
    Mistake("no-value", "weather.py", "result.value.json", "result.json"),
    Mistake("no-await", "weather.py", "await self._http.get", "self._http.get"),
    Mistake("no-name", "weather.py", 'params={"city": city}', '{"city": city}'),
    Mistake("parentheses", "weather.py", "value.json[", "value.json()["),
    Mistake(
        "no-start",
        "weather.py",
        ", HTTPClient() as client:",
        ":\n        client = HTTPClient()",
    ),
    Mistake("no-ini", "pytest.ini", PYTEST_INI, ""),
    Mistake("other-url", "test_weather.py", "now?city=Lisbon", "then?city=Lisbon"),
]


def made(mistake: Mistake, folder: Path) -> Path:
    """Write the page's files into a folder, with a mistake in one of them."""
    for file in START.glob("*.py"):
        (folder / file.name).write_text(file.read_text())
    (folder / "pytest.ini").write_text(PYTEST_INI)
    spoilt = folder / mistake.file
    text = spoilt.read_text()
    assert text.count(mistake.right) == 1
    spoilt.write_text(text.replace(mistake.right, mistake.wrong))
    return spoilt


def shown_by(*command: str | Path, cwd: Path) -> str:
    """Run a command that finds something wrong, and return what it printed."""
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=os.environ | {"COLUMNS": "200", "NO_COLOR": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=50,
        check=False,
    )
    assert done.returncode == 1, done.stdout
    return done.stdout


def test_every_row_has_its_mistake() -> None:
    assert len(ROWS) == len(MISTAKES)
    assert all(ROWS)


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("texts", "mistake"),
    list(zip(ROWS, MISTAKES, strict=False)),
    ids=[mistake.name for mistake in MISTAKES],
)
def test_a_mistake_shows_what_its_row_says(
    texts: list[str], mistake: Mistake, tmp_path: Path
) -> None:
    spoilt = made(mistake, tmp_path)
    command = ["weather.py"] if spoilt.name == "weather.py" else ["-m", "pytest"]
    shown = shown_by(sys.executable, *command, cwd=tmp_path)
    assert [text for text in texts if text not in shown] == [], shown


@pytest.mark.thorough
def test_the_difference_of_a_url_is_marked_as_its_row_says(tmp_path: Path) -> None:
    assert "`DIFF`" in TABLE.splitlines()[-1]
    made(MISTAKES[-1], tmp_path)
    shown = shown_by(sys.executable, "-m", "pytest", cwd=tmp_path)
    assert re.search(r"DIFF  path: expected /then, got /now", shown), shown


@pytest.mark.thorough
def test_type_checkers_see_as_many_rows_as_the_page_says(
    wheels: dict[str, Path], tmp_path: Path
) -> None:
    """As one who installs it sees them: both checkers as they come, and the wheels."""
    assert "mypy and pyright see the first three before anything runs" in PAGE
    folder = tmp_path / "typed"
    folder.mkdir()
    programs = [m for m in MISTAKES if m.file == "weather.py"]
    for number, mistake in enumerate(programs, 1):
        text = made(mistake, tmp_path).read_text()
        (folder / f"row{number}.py").write_text(text)
    own = ["lexigram-contracts", "lexigram-testing", "lexigram-http"]
    installed = create(tmp_path / "env", "lexigram-http", wheels, own=own)
    (folder / "pyrightconfig.json").write_text(
        json.dumps({"typeCheckingMode": "standard"})
    )

    python = installed.python
    by_mypy = shown_by(
        sys.executable, "-m", "mypy", "--python-executable", python, ".", cwd=folder
    )
    by_pyright = shown_by(
        sys.executable, "-m", "basedpyright", "--pythonpath", python, ".", cwd=folder
    )
    for shown in (by_mypy, by_pyright):
        found = set(re.findall(r"\b(\w+\.py):\d+(?::\d+)?(?: -|:) error", shown))
        assert found == {"row1.py", "row2.py", "row3.py"}, shown
