"""Pools whose event loop or process is not the one that uses them any more.

A child that is forked has the sockets of its parent, and the selector of its parent's
event loop: who writes to one of them, or closes it in an orderly way, does it to the
parent. So a pool that is open at a fork is forgotten in the child, without a word to the
other side: the parent goes on with it, and the child opens its own.
"""

from __future__ import annotations

import os
from typing import Final, Protocol
from weakref import WeakSet

__all__ = ["forget_in_children"]


class Forgetful(Protocol):
    """What holds connections."""

    def forget(self) -> None:
        """Drop them, and tell nobody."""
        ...


_open: Final[WeakSet[Forgetful]] = WeakSet()
_registered: Final[list[bool]] = []


def forget_in_children(pool: Forgetful) -> None:
    """Have a pool forgotten in every process that is forked from now on."""
    if not _registered and hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=_forget_all)
        _registered.append(True)
    _open.add(pool)


def _forget_all() -> None:
    for pool in list(_open):
        pool.forget()
