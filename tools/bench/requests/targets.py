"""What ours has to come to, and what it came to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from bench.requests.bodies import POST
from bench.requests.contestant import BASIS
from bench.requests.kept import Found, cpu, ratio
from bench.requests.matrix import Load

__all__ = ["Target", "targets"]


@dataclass(frozen=True, slots=True)
class Target:
    """One of them.

    Attributes:
        what: What is measured.
        must: What it may be at most.
        goal: What would be better.
        measured: What it is.
        digits: After the point.
    """

    what: str
    must: float
    goal: float | None
    measured: float
    digits: int = 2

    @property
    def missed(self) -> bool:
        """Whether it is more than it may be."""
        return self.measured > self.must


_RATIOS: Final = (
    ("ours", "default client", ("/100", 1), 1.0, 0.75),
    ("ours", "default client", ("/100", 50), 1.0, 0.75),
    ("ours-pipeline", "with everything", ("/100", 1), 1.15, 0.95),
    ("ours-pipeline", "with everything", ("/100", 50), 1.15, 0.95),
    ("ours-speedups", "with speedups", ("/10k", 1), 0.75, None),
    ("ours-speedups", "with speedups", ("/10k", 50), 0.75, None),
    ("ours", "default client", (POST, 1), 1.0, None),
    ("ours", "default client", (POST, 50), 1.0, None),
)
_LARGEST: Final = 8192
_IMPORT: Final = 1.5
_MANY: Final = 1.2


def targets(found: Found) -> Iterator[Target]:
    """Yield those whose figures are there."""
    for name, who, (path, concurrency), must, goal in _RATIOS:
        load = Load(path, concurrency)
        measured = ratio(found, name, load)
        if measured is not None:
            yield Target(f"{load.shown}, {who}: by aiohttp", must, goal, measured)
    yield from _growth(found)
    for each in found.get("waiting", ()):
        if each["contestant"] != BASIS and each["kind"] == "allocated":
            what = f"bytes for each of {each['calls']:,} calls that wait"
            yield Target(what, _LARGEST, None, each["bytes"], 0)
    if "imports" in found:
        yield from _imports(found["imports"])


def _imports(found: Mapping[str, Any]) -> Iterator[Target]:
    what = "`from lexigram.http import HTTPClient`: by `import aiohttp`"
    yield Target(what, _IMPORT, None, found["ratio"])
    if "ratio_of_instructions" in found:
        yield Target(
            f"{what}, instructions", _IMPORT, None, found["ratio_of_instructions"]
        )


def _growth(found: Found) -> Iterator[Target]:
    # As shipped, so that most of them wait.
    loads = [Load("/100", number) for number in (50, 1000)]
    few, many = (cpu(found, "ours-pool-of-10", load) for load in loads)
    if few and many:
        what = "GET 100 B, default client as shipped, 1,000 at once: by 50 at once"
        yield Target(what, _MANY, None, many / few)
