"""Who takes part: a client, and how one call is made with it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Final, Protocol, TypeAlias

__all__ = ["BASIS", "CONTESTANTS", "Calls", "Contestant", "Open", "find"]

BASIS: Final = "aiohttp"
"""Whom all others are compared with."""


class Calls(Protocol):
    """The calls that are measured. Each parses the body of its response."""

    async def get(self, url: str) -> Any:
        """Return what the server has there."""
        ...

    async def post(self, url: str, payload: Any) -> Any:
        """Return what the server says to it."""
        ...


Open: TypeAlias = Callable[[int], AbstractAsyncContextManager[Calls]]
"""Opens a client for so many calls at once: it may have as many connections."""


@dataclass(frozen=True, slots=True)
class Contestant:
    """One client.

    Attributes:
        name: What the command line, the tables and the kept figures call it.
        source: The module and the function that open it.
        distribution: Whose version is told.
        shown: What it is, for a reader.
        speedups: Whether it may find orjson.
        slow: Whether it costs many times what the others do.
    """

    name: str
    source: str
    distribution: str
    shown: str
    speedups: bool = True
    slow: bool = False

    @property
    def is_ours(self) -> bool:
        """Whether it is what this project offers."""
        return self.name.startswith("ours")

    def load(self) -> Open:
        """Import it, and nothing of the others."""
        if not self.speedups:
            # What None stands for cannot be imported.
            sys.modules["orjson"] = None  # type: ignore[assignment]  # see import_module
        module, _, function = self.source.partition(":")
        opens: Open = getattr(import_module(f"bench.requests.{module}"), function)
        return opens


CONTESTANTS: Final = (
    Contestant(
        BASIS,
        "aiohttps:plain",
        "aiohttp",
        "`async with session.get(url) as r: await r.json()`",
    ),
    Contestant(
        "ours",
        "ours:default",
        "lexigram-http",
        "`(await client.get(url)).unwrap().json`",
        speedups=False,
    ),
    Contestant(
        "ours-speedups",
        "ours:default",
        "lexigram-http",
        "the same with `lexigram-http[speedups]`",
    ),
    Contestant(
        "ours-pipeline",
        "ours:pipeline",
        "lexigram-resilience",
        "with retry and budget, breaker, bulkhead, both limits of time, metrics, two "
        "interceptors",
        speedups=False,
    ),
    Contestant(
        "ours-pool-of-10",
        "ours:shipped",
        "lexigram-http",
        "with the pool of 10 that it comes with, for which the others wait",
        speedups=False,
    ),
    Contestant(
        "aiohttp-retry",
        "aiohttps:retrying",
        "aiohttp-retry",
        "`RetryClient`, three attempts",
    ),
    Contestant("pyreqwest", "peers:pyreqwest", "pyreqwest", "in Rust, on threads"),
    Contestant("httpx", "peers:httpx", "httpx", "`AsyncClient`", slow=True),
    Contestant("niquests", "peers:niquests", "niquests", "`AsyncSession`", slow=True),
)
"""All of them, in the order of the tables."""


def find(name: str) -> Contestant:
    """Return the one that is called so."""
    return next(each for each in CONTESTANTS if each.name == name)
