"""Where and with what was measured."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

from bench.requests.contestant import CONTESTANTS

__all__ = ["facts"]

_BESIDE: Final = ("uvloop", "orjson", "yarl", "multidict", "aiodns")


def facts() -> dict[str, Any]:
    """Return what a reader has to know of the machine and of the libraries."""
    return {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "machine": {
            "processor": _processor(),
            "processors": os.cpu_count(),
            "kernel": f"{platform.system()} {platform.release()}",
            "load": round(os.getloadavg()[0], 1),
        },
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "versions": dict(_versions()),
    }


def _processor() -> str:
    """Return the model; what it is called is known to Linux alone."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.machine()
    models = (each.partition(":")[2].strip() for each in lines if "model name" in each)
    return next(models, platform.machine())


def _versions() -> Iterator[tuple[str, str]]:
    names = [each.distribution for each in CONTESTANTS]
    for name in dict.fromkeys((*names, *_BESIDE)):
        try:
            yield name, version(name)
        except PackageNotFoundError:
            yield name, "not there"
