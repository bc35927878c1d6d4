"""A Redis or Valkey server for tests and measurements, as the resilience tests start it.

It stands with those tests, which go to others without these tools.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, Final

from environments import ROOT

__all__ = ["running_store"]

_HOME: Final = ROOT / "packages" / "lexigram-resilience" / "tests" / "conftest.py"


@contextmanager
def running_store() -> Generator[Any]:
    """Start a server on a free port; yield what its `StoreServer` says of itself."""
    spec = importlib.util.spec_from_file_location("store_server_home", _HOME)
    assert spec is not None and spec.loader is not None  # noqa: S101, PT018 - it is a file of ours
    home = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(home)
    server = home.StoreServer(home.find_program())
    try:
        server.start()
        yield server
    finally:
        server.remove()
