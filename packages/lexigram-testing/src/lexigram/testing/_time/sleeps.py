"""Telling a sleep from every other timer."""

from __future__ import annotations

import asyncio
from types import FrameType
from typing import Final

__all__ = ["is_sleep"]

_SLEEP: Final = asyncio.sleep.__code__
_KIT: Final = "lexigram.testing."
_CLOCK: Final = "lexigram.testing._time.clock"  # sleeps for others, not for itself


def is_sleep(caller: FrameType | None) -> bool:
    """Whether whoever sets a timer is an `asyncio.sleep` of the code under test.

    Timeouts are set by other functions, and the delays of the kit's own routes are no
    back-off of anybody.
    """
    if caller is None or caller.f_code is not _SLEEP:
        return False
    sleeper = caller.f_back
    name = "" if sleeper is None else str(sleeper.f_globals.get("__name__", ""))
    return name == _CLOCK or not name.startswith(_KIT)
