"""Cassettes on a disk."""

from __future__ import annotations

import secrets
from pathlib import Path

__all__ = ["read_file", "write_file"]


def read_file(path: Path) -> bytes | None:
    """Return the content of a file; None when there is none."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def write_file(path: Path, content: bytes) -> None:
    """Replace a file, or leave it as it was: a reader never sees a half of it.

    Folders are made as needed. Of two processes that write at once the later one wins.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # Beside it, as a rename is atomic within a file system only.
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        temporary.write_bytes(content)
        temporary.replace(path)
    except BaseException:  # whatever it was, no half file stays
        temporary.unlink(missing_ok=True)
        raise
