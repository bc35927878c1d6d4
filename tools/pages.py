"""Blocks of the documentation that are files, and output that was printed.

    uv run python tools/pages.py             compare
    uv run python tools/pages.py --write     fill them in

A comment before a fenced block says what stands in it:

    <!-- file: docs/examples/tutorial/billing.py -->        the file
    <!-- output: docs/examples/tutorial/app.py -->          what it prints
    <!-- not run: it calls a server on the internet -->     why nobody runs the block

A file that is named `test_….py` is run by pytest, and its output is the last line without
the time that it took.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final

from environments import ROOT

__all__ = ["filled", "pages", "run_blocks", "stale"]

_NAMED: Final = re.compile(
    r"^<!-- (?P<kind>file|output): (?P<path>\S+) -->\n"
    r"(?P<fence>```\w*)\n(?P<text>.*?)^```$",
    re.DOTALL | re.MULTILINE,
)
_BLOCK: Final = re.compile(
    r"(?:^<!-- (?P<why>file|output|not run): .*? -->\n)?"
    r"^```python\n(?P<text>.*?)^```$",
    re.DOTALL | re.MULTILINE,
)
_TOOK: Final = re.compile(r" in [\d.]+s$")


def pages() -> list[Path]:
    """Return every page for readers: of `docs`, the READMEs, and those at the top."""
    return [
        *sorted(ROOT.glob("*.md")),
        *sorted((ROOT / "docs").rglob("*.md")),
        *sorted((ROOT / "packages").glob("*/README.md")),
    ]


def run_blocks(page: Path) -> str:
    """Return the Python blocks of a page that are to be run, as one file."""
    found = _BLOCK.finditer(page.read_text())
    return "\n\n".join(block["text"] for block in found if block["why"] is None)


def filled(page: Path) -> str:
    """Return a page with its files and outputs as they are."""

    def fill(found: re.Match[str]) -> str:
        path = ROOT / found["path"]
        text = path.read_text() if found["kind"] == "file" else _output(path)
        return (
            f"<!-- {found['kind']}: {found['path']} -->\n"
            f"{found['fence']}\n{text.rstrip()}\n```"
        )

    return _NAMED.sub(fill, page.read_text())


@cache
def _output(path: Path) -> str:
    """Run a file and return what it prints."""
    is_test = path.name.startswith("test_")
    runner = [
        "-m", "pytest", "-q", "--no-header", "-p", "no:randomly",
        "-p", "no:cacheprovider", "-c", str(ROOT / "pyproject.toml"),
    ]  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-W", "error", *(runner if is_test else []), str(path)],
        cwd=path.parent,
        env=os.environ
        | {"COLUMNS": "80", "NO_COLOR": "1", "PYTHONPATH": str(path.parent)},
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    # Logs go to stderr; examples print what they have to say.
    if done.returncode != 0:
        raise RuntimeError(f"{path} failed:\n{done.stdout}{done.stderr}")
    if is_test:
        return _TOOK.sub("", done.stdout.strip().splitlines()[-1])
    return "\n".join(line.rstrip() for line in done.stdout.splitlines())


def stale() -> Iterator[Path]:
    """Yield the pages that do not show their files and outputs as they are."""
    for page in pages():
        if filled(page) != page.read_text():
            yield page


def main() -> int:
    """Compare the pages, or fill them in."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--write", action="store_true", help="fill them in")
    write = parser.parse_args().write
    found = list(stale())
    for page in found:
        print(page.relative_to(ROOT), "is written" if write else "is stale")
        if write:
            page.write_text(filled(page))
    return int(bool(found) and not write)


if __name__ == "__main__":
    sys.exit(main())
