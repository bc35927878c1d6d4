"""Standard input as a body."""

from __future__ import annotations

import asyncio
import os
import stat
import sys
from collections.abc import AsyncIterator
from contextlib import suppress
from threading import Thread
from typing import IO, Final, TextIO

from lexigram.http.cli.exits import CommandError

__all__ = ["as_body", "read_all"]

_CHUNK: Final = 256 * 1024


def read_all() -> bytes:
    """Return all of it; called before there is an event loop to be held up.

    Raises:
        CommandError: There is none.
    """
    return _source().read()


def as_body() -> IO[bytes] | AsyncIterator[bytes]:
    """Return it as a body: a file as it is, which can be sent again, a pipe in chunks.

    Raises:
        CommandError: There is none.
    """
    source = _source()
    try:
        number = source.fileno()
    except OSError:
        return source  # not a file of the system: it is in memory
    if stat.S_ISREG(os.fstat(number).st_mode):
        return source
    return _chunks(number)


def _source() -> IO[bytes]:
    given: TextIO | None = sys.stdin
    if given is None:
        raise CommandError("Standard input, which is to be the body, is closed.")
    return given.buffer


async def _chunks(number: int) -> AsyncIterator[bytes]:
    # In daemon threads: the loop waits at its end for those of its executor, and so a
    # writer that neither writes nor goes would hold up an interrupt for ever.
    loop = asyncio.get_running_loop()
    while True:
        arrived: asyncio.Future[bytes] = loop.create_future()
        Thread(target=_read, args=(number, loop, arrived), daemon=True).start()
        chunk = await arrived
        if not chunk:
            return
        yield chunk


def _read(
    number: int, loop: asyncio.AbstractEventLoop, arrived: asyncio.Future[bytes]
) -> None:
    try:
        outcome: bytes | OSError = os.read(number, _CHUNK)
    except OSError as error:
        outcome = error
    with suppress(RuntimeError):  # the loop is closed: nobody waits any more
        loop.call_soon_threadsafe(_settle, arrived, outcome)


def _settle(arrived: asyncio.Future[bytes], outcome: bytes | OSError) -> None:
    if arrived.done():
        return  # the call is over
    if isinstance(outcome, OSError):
        arrived.set_exception(outcome)
    else:
        arrived.set_result(outcome)
