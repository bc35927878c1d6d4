"""httpbin, in a process of its own."""

import sys
from collections.abc import Generator, Mapping
from importlib.util import find_spec

import pytest

from programs import Program, running

NEEDED = ("httpbin", "waitress")


@pytest.fixture(scope="session")
def httpbin(
    tmp_path_factory: pytest.TempPathFactory,
) -> Generator[Program, None, None]:
    """Return httpbin behind a server of several threads."""
    for name in NEEDED:
        if find_spec(name) is None:
            pytest.skip(f"{name} is not installed: `pip install {' '.join(NEEDED)}`.")

    def command(ports: Mapping[str, int]) -> list[str]:
        listen = f"--listen=127.0.0.1:{ports['http']}"
        waitress = [sys.executable, "-m", "waitress", "--threads=8", listen]
        return [*waitress, "httpbin:app"]

    with running(tmp_path_factory.mktemp("httpbin"), ["http"], command) as program:
        yield program
