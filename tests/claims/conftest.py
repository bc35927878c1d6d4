"""Runs the programs of the source documents as they stand, only their host changed."""

import ast
import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).parent / "documents"
HOSTS = ("https://api.example.com", "https://api.partner.example.com")


@dataclass(frozen=True)
class Documents:
    """The programs under `documents/`."""

    folder: Path = FOLDER

    def text(self, name: str, host: str = "") -> str:
        """Return a program, its example hosts replaced by `host` when one is given."""
        text = (self.folder / name).read_text()
        for example in HOSTS if host else ():
            text = text.replace(example, host)
        return text

    async def run(
        self, name: str, names: Mapping[str, Any] | None = None, *, host: str = ""
    ) -> dict[str, Any]:
        """Run a program, `await` at its top level included, and return its names."""
        namespace: dict[str, Any] = {
            "__name__": name.partition(".")[0],
            **(names or {}),
        }
        code = compile(
            self.text(name, host),
            str(self.folder / name),
            "exec",
            flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT,
        )
        done = eval(code, namespace)  # noqa: S307 - our own document
        if inspect.isawaitable(done):
            await done
        return namespace


@pytest.fixture
def documents() -> Documents:
    """Return the programs of the source documents."""
    return Documents()
