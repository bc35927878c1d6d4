"""Contestants of the two forms that most libraries have."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bench.resilience.contestant import Contestant, Kind, noop

__all__ = ["decorated", "entered"]


def decorated(
    kind: Kind,
    library: str,
    code: str,
    *decorators: Callable[[Any], Any],
    note: str = "",
) -> Contestant:
    """Return the call of a function with these decorators, the first one outermost."""
    call: Any = noop
    for decorator in reversed(decorators):
        call = decorator(call)
    return Contestant(
        kind=kind,
        library=library,
        statement="await decorated()",
        names={"decorated": call},
        code=code,
        note=note,
    )


def entered(kind: Kind, library: str, code: str, **names: Any) -> Contestant:
    """Return the call within a context manager that `code` makes of `names`."""
    return Contestant(
        kind=kind,
        library=library,
        statement=f"async with {code}: await noop()",
        names=names,
    )
