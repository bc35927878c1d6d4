"""Other libraries, in the form that their documentation shows and in their cheapest.

Configured for three attempts and for limits that are not reached, and else as they are
by default.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib import metadata
from typing import Final

from bench.resilience import specialists, toolkits
from bench.resilience.contestant import Contestant

__all__ = ["PEERS", "peers", "versions"]

PEERS: Final[dict[str, Callable[[], Iterator[Contestant]]]] = {
    "tenacity": specialists.tenacity,
    "stamina": specialists.stamina,
    "purgatory": specialists.purgatory,
    "aiobreaker": specialists.aiobreaker,
    "aiolimiter": specialists.aiolimiter,
    "hyx": toolkits.hyx,
    "pyresilience": toolkits.pyresilience,
    "nopanic": toolkits.nopanic,
}


def peers() -> tuple[list[Contestant], list[str]]:
    """Return what can be measured, and the names of libraries that are not there.

    Some of them want to be made while an event loop runs.
    """
    found: list[Contestant] = []
    absent: list[str] = []
    for name, contestants in PEERS.items():
        try:
            found += contestants()
        except ImportError:
            absent.append(name)
    if not set(specialists.ASSEMBLED) & set(absent):
        found += specialists.assembled()
    return found, absent


def versions(absent: list[str]) -> dict[str, str]:
    """Return the version of each library that is there."""
    return {name: metadata.version(name) for name in PEERS if name not in absent}
