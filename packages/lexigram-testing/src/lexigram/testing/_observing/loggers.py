"""Making loggers of the standard library talk for a while."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

__all__ = ["family", "listen"]


@dataclass(slots=True)
class _Loan:
    give_back: Callable[[], None]
    holders: int = 0


# Loggers belong to the process, and so does the memory of what they were: captures may
# overlap and end in any order, and only the last may put things back. Empty while
# nobody listens.
_loans: Final[dict[object, _Loan]] = {}
_lock: Final = threading.Lock()


def family(name: str) -> Sequence[logging.Logger]:
    """Return a logger and those below it that exist, parents first; "" is the root."""
    top = logging.getLogger(name)
    prefix = "" if top is logging.root else f"{top.name}."
    known = sorted(logging.root.manager.loggerDict.items())
    below = [
        one
        for other, one in known
        # The others are places without a logger.
        if isinstance(one, logging.Logger) and other.startswith(prefix)
    ]
    return (top, *below)


def listen(
    loggers: Sequence[logging.Logger], handler: logging.Handler
) -> Callable[[], None]:
    """Have a family tell a handler all that its level asks for, until called off.

    Neither levels, nor loggers that a configuration disabled, nor `logging.disable`
    keep anything back meanwhile; other handlers are left alone.
    """
    level, manager = handler.level, logging.root.manager
    top, *below = loggers
    hearing = [top, *(one for one in below if not one.propagate)]
    with _lock:
        for one in loggers:
            _borrow(one, partial(_restore, one, one.level, disabled=one.disabled))
            one.disabled = False
            if one.getEffectiveLevel() > level:
                one.setLevel(level)
        _borrow(manager, partial(logging.disable, manager.disable))
        if manager.disable >= level:
            logging.disable(level - 1)
        for one in hearing:
            one.addHandler(handler)

    def call_off() -> None:
        with _lock:
            for one in hearing:
                one.removeHandler(handler)
            for thing in (*loggers, manager):
                _give_back(thing)

    return call_off


def _borrow(thing: object, give_back: Callable[[], None]) -> None:
    _loans.setdefault(thing, _Loan(give_back)).holders += 1


def _give_back(thing: object) -> None:
    loan = _loans[thing]
    loan.holders -= 1
    if not loan.holders:
        del _loans[thing]
        loan.give_back()


def _restore(logger: logging.Logger, level: int, *, disabled: bool) -> None:
    logger.setLevel(level)
    logger.disabled = disabled
