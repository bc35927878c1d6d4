"""Two proxies, which know the user u with the password pw, and forbid forbidden.test."""

import os
import shutil
import tempfile
from collections.abc import Generator, Mapping
from pathlib import Path

import pytest

from programs import Program, fill, require, running

HERE = Path(__file__).parent
# Squid's helper that compares passwords.
HELPERS = ("/usr/lib/squid/basic_ncsa_auth", "/usr/libexec/squid/basic_ncsa_auth")
# "pw", as `openssl passwd -apr1` says it.
PASSWORDS = "u:$apr1$outside1$DVRQM551E.PGggU30XjeK/\n"
# Who runs squid where root runs the tests, which it refuses.
NOBODY = "nobody"


@pytest.fixture(scope="session")
def tinyproxy(
    tmp_path_factory: pytest.TempPathFactory,
) -> Generator[Program, None, None]:
    """Return tinyproxy."""
    path = require("tinyproxy", package="tinyproxy")
    folder = tmp_path_factory.mktemp("tinyproxy")
    (folder / "filter").write_text("forbidden[.]test\n")

    def command(ports: Mapping[str, int]) -> list[str]:
        values = {"folder": folder, **ports}
        settings = fill(HERE / "tinyproxy.conf", values, folder / "tinyproxy.conf")
        return [path, "-d", "-c", str(settings)]

    with running(folder, ["proxy"], command) as program:
        yield program


@pytest.fixture(scope="session")
def squid() -> Generator[Program, None, None]:
    """Return squid, to which partner.test and forbidden.test are this machine."""
    path = require("squid", package="squid")
    helper = next(filter(os.path.exists, HELPERS), None)
    if helper is None:
        pytest.skip("basic_ncsa_auth of squid is not installed.")
    user = NOBODY if os.getuid() == 0 else None
    # Not below the folders of pytest, which are for their owner alone.
    with tempfile.TemporaryDirectory(prefix="squid-") as name:
        folder = Path(name)
        (folder / "hosts").write_text("127.0.0.1 partner.test forbidden.test\n")
        (folder / "passwords").write_text(PASSWORDS)
        if user is not None:
            shutil.chown(folder, user)

        def command(ports: Mapping[str, int]) -> list[str]:
            values = {"folder": folder, "helper": helper, **ports}
            settings = fill(HERE / "squid.conf", values, folder / "squid.conf")
            return [path, "-N", "-d", "1", "-f", str(settings)]

        with running(folder, ["proxy"], command, user=user) as program:
            yield program
