"""Files that a tool makes: compared with what is there, or written."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from pathlib import Path

__all__ = ["compare_or_write"]


def compare_or_write(make: Callable[[], Mapping[Path, str]], about: str | None) -> int:
    """Do what the command line asks for; return 1 when a file is stale.

    Args:
        make: Returns the text of each file.
        about: The docstring of the tool.
    """
    parser = argparse.ArgumentParser(description=(about or "").splitlines()[0])
    parser.add_argument("--write", action="store_true", help="make them anew")
    write = parser.parse_args().write
    stale = False
    for path, text in make().items():
        if write:
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
        elif not path.is_file() or path.read_text() != text:
            stale = True
            print(f"{path.name} is not what the code says.")
    return int(stale)
