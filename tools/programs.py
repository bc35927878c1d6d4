"""Programs that nobody here wrote, started on free ports of this machine for tests."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

# Debian keeps servers where only root looks for programs.
FOLDERS = ("/usr/local/sbin", "/usr/sbin", "/sbin")
_HOST = "127.0.0.1"
_PATIENCE = 15.0
_SHOWN = 4000
# Somebody else may take a port between its choice and its use.
_TRIES = 3


@dataclass
class Program:
    """A program that listens.

    Attributes:
        ports: Where, by the names that its start was given.
        folder: What it was configured to use.
        log: What it says.
        process: The process that was started.
    """

    ports: Mapping[str, int]
    folder: Path
    log: Path
    process: subprocess.Popen[bytes]

    def url(self, port: str, path: str = "", *, scheme: str = "http") -> str:
        """Return a URL on one of its ports."""
        return f"{scheme}://{_HOST}:{self.ports[port]}{path}"

    def last_words(self) -> str:
        """Return the end of its log."""
        return self.log.read_text(errors="replace")[-_SHOWN:]


def require(name: str, *, package: str) -> str:
    """Return the path of a program, or skip the tests that need it.

    Args:
        name: What it is called.
        package: The package of Debian that brings it.
    """
    folders = os.pathsep.join([os.environ.get("PATH", ""), *FOLDERS])
    path = shutil.which(name, path=folders)
    if path is None:
        pytest.skip(f"{name} is not installed: `apt-get install {package}`.")
    return path


@contextmanager
def running(
    folder: Path,
    ports: Iterable[str],
    command: Callable[[Mapping[str, int]], list[str]],
    *,
    user: str | None = None,
) -> Generator[Program, None, None]:
    """Run a program until the end of the block, ready when all its ports answer.

    Args:
        folder: Where it runs, and where its log goes.
        ports: What its ports are called.
        command: Returns its command line for the ports that were found.
        user: Who runs it instead of the one who runs the tests.

    Raises:
        RuntimeError: It ended, or did not listen in time; with what it said.
    """
    names = list(ports)
    for left in reversed(range(_TRIES)):
        program = _started(folder, names, command, user)
        try:
            if _listens(program):
                yield program
                return
        finally:
            _stop(program.process)
        if not left:
            raise RuntimeError(f"It did not start. It said:\n{program.last_words()}")


def fill(template: Path, values: Mapping[str, object], target: Path) -> Path:
    """Write `template` with every `@name@` replaced by its value to `target`."""
    text = template.read_text()
    for name, value in values.items():
        text = text.replace(f"@{name}@", str(value))
    target.write_text(text)
    return target


def _started(
    folder: Path,
    names: list[str],
    command: Callable[[Mapping[str, int]], list[str]],
    user: str | None,
) -> Program:
    ports = dict(zip(names, _free_ports(len(names)), strict=True))
    log = folder / "program.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command(ports),
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            user=user,
            group=None if user is None else pwd.getpwnam(user).pw_gid,
            extra_groups=None if user is None else [],
        )
    return Program(ports, folder, log, process)


def _free_ports(number: int) -> list[int]:
    sockets = [socket.socket() for _ in range(number)]
    try:
        for free in sockets:
            free.bind((_HOST, 0))
        return [free.getsockname()[1] for free in sockets]
    finally:
        for free in sockets:
            free.close()


def _listens(program: Program) -> bool:
    """Wait until every port takes connections; False when the program ended instead."""
    end = time.monotonic() + _PATIENCE
    missing = set(program.ports.values())
    while missing and time.monotonic() < end and program.process.poll() is None:
        for port in list(missing):
            with suppress(OSError), socket.create_connection((_HOST, port), timeout=1):
                missing.remove(port)
        if missing:
            time.sleep(0.01)
    return not missing and program.process.poll() is None


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
