"""nginx, with the configuration beside this file."""

import os
from collections.abc import Generator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from random import Random

import pytest
import trustme

from programs import Program, fill, require, running

TEMPLATE = Path(__file__).with_name("nginx.conf")
PORTS = ("plain", "other", "tls", "tls12", "mutual")


def start(
    folder: Path, site: Path, authority: trustme.CA
) -> AbstractContextManager[Program]:
    path = require("nginx", package="nginx-light")
    certificate = folder / "server.pem"
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(
        certificate
    )
    authority.cert_pem.write_to_path(folder / "authority.pem")
    # Its workers would be somebody who cannot read the folders of pytest.
    user = "user root root;" if os.getuid() == 0 else ""
    values = {"root": site, "user": user, "socket": folder / "socket"}

    def command(ports: Mapping[str, int]) -> list[str]:
        settings = fill(TEMPLATE, {**values, **ports}, folder / "nginx.conf")
        return [path, "-p", str(folder), "-e", "stderr", "-c", str(settings)]

    return running(folder, PORTS, command)


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of files to serve."""
    root = tmp_path_factory.mktemp("site")
    (root / "upload").mkdir()
    (root / "folder").mkdir()
    (root / "folder" / "index.html").write_text("index")
    (root / "text.txt").write_text("".join(f"line {n}\n" for n in range(10_000)))
    (root / "large.bin").write_bytes(Random(6).randbytes(1024 * 1024) * 40)
    (root / "401.problem").write_text('{"title": "Who are you?", "status": 401}')
    (root / "429.problem").write_text('{"title": "Too much", "status": 429}')
    return root


@pytest.fixture(scope="session")
def nginx(
    site: Path, authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory
) -> Generator[Program, None, None]:
    """Return the nginx of all tests."""
    with start(tmp_path_factory.mktemp("nginx"), site, authority) as program:
        yield program


@pytest.fixture
def own_nginx(
    site: Path, authority: trustme.CA, tmp_path: Path
) -> Generator[Program, None, None]:
    """Return an nginx that its test may stop."""
    with start(tmp_path, site, authority) as program:
        yield program
