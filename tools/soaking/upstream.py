"""The server's process, its end and its return, and the names that lead to it."""

from __future__ import annotations

import asyncio
import signal
import socket
import sys
from pathlib import Path
from random import Random
from typing import Any, Final

from soaking.server import ADDRESSES, ALIAS, ENTRY

HOST: Final = "api.soak.test"
"""What the calls name."""
MISSING: Final = "nobody.soak.test"
"""A name without an address."""

_SERVER: Final = Path(__file__).with_name("server.py")


class Upstream:
    """A server that can be ended and started again on the same port."""

    def __init__(self, journal: Path) -> None:
        self._journal = journal
        self._process: asyncio.subprocess.Process | None = None
        self.port = 0
        self.restarts = 0

    async def start(self) -> None:
        """Start it; on the port that it had, if it had one."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-I",
            str(_SERVER),
            str(self.port),
            str(self._journal),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        if process.stdout is None:
            raise RuntimeError("The server has no standard output.")
        self._process = process
        self.port = int(await process.stdout.readline())

    async def stop(self, kind: signal.Signals = signal.SIGKILL) -> None:
        """End it."""
        process, self._process = self._process, None
        if process is not None:
            process.send_signal(kind)
            # Until its end of the pipe is closed here as well.
            await process.communicate()

    async def restart(self, kind: signal.Signals, pause: float) -> None:
        """End it, leave it so for a while, and start it again."""
        self.restarts += 1
        await self.stop(kind)
        await asyncio.sleep(pause)
        await self.start()

    @property
    def origins(self) -> list[str]:
        """The origins that policies keep apart."""
        return [f"http://{host}:{self.port}" for host in (HOST, ALIAS, MISSING)]

    async def open_connections(self) -> int:
        """Return how many connections it has, without that of the question."""
        reader, writer = await asyncio.open_connection(ADDRESSES[0], self.port)
        writer.write(b"GET /open/0 HTTP/1.1\r\n\r\n")
        answer = await reader.read()
        writer.close()
        await writer.wait_closed()
        return int(answer) - 1

    def received(self, calls: int) -> list[int]:
        """Return how many requests of each call have arrived in all."""
        counts = [0] * calls
        for (number,) in ENTRY.iter_unpack(self._journal.read_bytes()):
            counts[number] += 1
        return counts


class MovingNames(asyncio.SelectorEventLoop):
    """An event loop in which the names of the upstream move from address to address."""

    def __init__(self) -> None:
        super().__init__()
        self.lookups = 0
        self._random = Random(0)  # noqa: S311 - chooses addresses, hides nothing

    def seed(self, seed: int) -> None:
        """Choose by this seed from now on."""
        self._random = Random(seed)  # noqa: S311 - as above

    async def getaddrinfo(self, host: Any, port: Any, **options: Any) -> Any:
        """Answer for the names of the soak; of all others, and sometimes, fail."""
        if host in ADDRESSES:
            return await super().getaddrinfo(host, port, **options)
        self.lookups += 1
        await asyncio.sleep(self._random.uniform(0, 0.002))
        if host not in {HOST, ALIAS} or self._random.random() < 0.02:  # noqa: PLR2004 - rarely
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        chosen = self._random.sample(ADDRESSES, self._random.randint(1, len(ADDRESSES)))
        return [
            (
                socket.AF_INET,
                socket.SOCK_STREAM,
                socket.IPPROTO_TCP,
                "",
                (address, port),
            )
            for address in chosen
        ]
