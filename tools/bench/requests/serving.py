"""The other end of the calls: a process of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from bench.requests.bodies import POST, SIZES, body

from programs import FOLDERS, fill, running

__all__ = ["ENVIRONMENT", "TOOLS", "nginx", "python_server", "server"]

TOOLS: Final = Path(__file__).resolve().parent.parent.parent

ENVIRONMENT: Final = {
    name: value
    for name, value in os.environ.items()
    if not name.startswith(("LEX_", "PYTHON")) and not name.lower().endswith("_proxy")
} | {"PYTHONPATH": str(TOOLS), "PYTHONHASHSEED": "0"}
"""For programs of this folder: the same wherever they run."""

_CONFIGURATION: Final = Path(__file__).with_name("nginx.conf")


@contextmanager
def server() -> Iterator[tuple[str, str]]:
    """Start what there is; give what it is and where it listens."""
    if (path := nginx()) is None:
        with python_server() as port:
            yield "an asyncio server", f"http://127.0.0.1:{port}"
        return
    with TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        _fill(folder)

        def command(ports: Mapping[str, int]) -> list[str]:
            settings = fill(_CONFIGURATION, _values(ports), folder / "nginx.conf")
            return [path, "-p", name, "-e", "stderr", "-c", str(settings)]

        with running(folder, ["http"], command) as program:
            yield _version(path), program.url("http")


def nginx() -> str | None:
    """Return where nginx is, if it is anywhere."""
    folders = os.pathsep.join([os.environ.get("PATH", ""), *FOLDERS])
    return shutil.which("nginx", path=folders)


@contextmanager
def python_server() -> Iterator[str]:
    """Start the server of `bench.requests.server`; give its port."""
    with subprocess.Popen(
        [sys.executable, "-P", "-m", "bench.requests.server"],
        env=ENVIRONMENT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield (process.stdout or sys.stdin).readline().strip()
        finally:
            process.terminate()


def _fill(folder: Path) -> None:
    """Write what is served."""
    (folder / "bodies").mkdir()
    for path in SIZES:
        (folder / "bodies" / path.removeprefix("/")).write_bytes(body(path))


def _values(ports: Mapping[str, int]) -> dict[str, object]:
    # Its workers would be somebody who cannot read a folder of root.
    user = "user root root;" if os.getuid() == 0 else ""
    return {"user": user, "post": POST, "answer": body("/100").decode(), **ports}


def _version(path: str) -> str:
    shown = subprocess.run([path, "-v"], capture_output=True, text=True, check=True)
    return shown.stderr.strip().rpartition(" ")[2]
