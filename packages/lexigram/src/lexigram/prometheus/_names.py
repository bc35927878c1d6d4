"""Dotted names in the words of Prometheus, and the buckets that go with them."""

from __future__ import annotations

import functools
import re
from typing import Final

__all__ = ["buckets_for", "is_duration", "label_name", "metric_name"]

_NOT_IN_A_NAME = re.compile(r"[^a-zA-Z0-9_]")

# Suffixes of names whose values are seconds.
_DURATIONS: Final = ("duration", "wait")

# Those of OpenTelemetry's conventions, and what a call with retries can take beyond.
_SECONDS: Final = (
    0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 30, 60,
)  # fmt: skip
# Counts and sizes, whatever they are of: ten to the n, and thrice that.
_AMOUNTS: Final = tuple(
    float(step * 10**power) for power in range(10) for step in (1, 3)
)


def is_duration(name: str) -> bool:
    """Say whether the values of a histogram of this dotted name are seconds."""
    return name.rpartition(".")[2] in _DURATIONS


def buckets_for(name: str) -> tuple[float, ...]:
    """Return the upper bounds of a histogram's buckets, without the last."""
    return _SECONDS if is_duration(name) else _AMOUNTS


def metric_name(name: str) -> str:
    """Return a dotted name as Prometheus writes one."""
    written = _NOT_IN_A_NAME.sub("_", name)
    return f"_{written}" if written[:1].isdigit() or not written else written


@functools.lru_cache(maxsize=256)
def label_name(tag: str) -> str:
    """Return a tag's name as a label's; what Prometheus keeps for itself is changed."""
    written = metric_name(tag)
    if written in {"le", "quantile"}:
        return f"{written}_"
    return f"tag{written}" if written.startswith("__") else written
