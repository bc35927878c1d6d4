"""An application as a process: its event loop, and the signals that end it."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Generator
from contextlib import AbstractAsyncContextManager, contextmanager, suppress
from typing import Any

from lexigram.logging import Logger, get_logger

__all__ = ["run_until_signal"]

_SIGNALS = (signal.SIGINT, signal.SIGTERM)

log: Logger = get_logger("lexigram.application")


def run_until_signal(app: AbstractAsyncContextManager[Any]) -> None:
    """Run `app` on a loop of its own until SIGINT or SIGTERM."""
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(_serve(app))


async def _serve(app: AbstractAsyncContextManager[Any]) -> None:
    task, stopping = asyncio.current_task(), asyncio.Event()
    booted = False

    def stop() -> None:
        stopping.set()
        # A boot is cut short; an end is not, and its errors are the process' own.
        if task is not None and not booted:
            task.cancel()

    with _first_signal(stop):
        try:
            async with app:
                booted = True
                await stopping.wait()
        except asyncio.CancelledError:
            if not stopping.is_set():
                raise


@contextmanager
def _first_signal(stop: Callable[[], None]) -> Generator[None, None, None]:
    """Call `stop` at the first signal; the second one ends the process at once."""
    loop = asyncio.get_running_loop()
    before = {one: signal.getsignal(one) for one in _SIGNALS}

    def first(number: signal.Signals) -> None:
        for one in _SIGNALS:
            loop.remove_signal_handler(one)
            # Not the interpreter's own for SIGINT: that would cancel once more, and
            # then wait for what has just been told to end.
            signal.signal(one, signal.SIG_DFL)
        log.info("application.signal", signal=number.name)
        stop()

    with suppress(NotImplementedError):  # Windows; the runner handles SIGINT there
        for one in _SIGNALS:
            loop.add_signal_handler(one, first, one)
    try:
        yield
    finally:
        with suppress(NotImplementedError):
            for one, handler in before.items():
                loop.remove_signal_handler(one)
                signal.signal(one, handler)


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Return uvloop's when the extra `uvloop` is installed; None is asyncio's own."""
    try:
        import uvloop  # noqa: PLC0415 - an extra
    except ModuleNotFoundError:
        return None
    return uvloop.new_event_loop
