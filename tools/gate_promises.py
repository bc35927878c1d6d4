"""A step of the gate: every promise has its tests, and the documents agree."""

from __future__ import annotations

from promises import problems


def promises() -> None:
    """Compare what is promised with the tests that are named for it."""
    found = list(problems())
    if found:
        raise RuntimeError("\n".join(found))
