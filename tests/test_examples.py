"""Every example in the documentation runs, and ends as it says."""

import asyncio
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from lexigram.testing import FaultServer

pytestmark = pytest.mark.thorough

ROOT = Path(__file__).resolve().parent.parent
EXAMPLES = sorted((ROOT / "docs" / "examples").glob("*.py"))
BILLING = ROOT / "docs" / "examples" / "billing_service.py"
ENVIRONMENT = os.environ | {"COLUMNS": "200", "NO_COLOR": "1"}


def command(example: Path, *arguments: str) -> list[str]:
    return [sys.executable, "-W", "error", str(example), *arguments]


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_runs_to_a_good_end(example: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        command(example),
        cwd=tmp_path,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""


async def run_billing(*arguments: str) -> tuple[int | None, str]:
    process = await asyncio.create_subprocess_exec(
        *command(BILLING, *arguments),
        env=ENVIRONMENT,
        stdout=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(50):
        output, _ = await process.communicate()
    return process.returncode, output.decode()


async def test_the_billing_service_asks_a_real_server_when_told_to() -> None:
    async with FaultServer.run() as server:
        server.on.get(
            "/v1/invoices/inv_1", headers={"Authorization": "Bearer t0ken"}
        ).respond(200, json={"id": "inv_1", "amount_cents": 4200})
        code, output = await run_billing(
            "--url", server.base_url, "--token", "t0ken", "--calls", "5"
        )
        server.calls.assert_count(5)
    assert code == 0
    assert re.search(r"Ok\s+│\s+5 ", output)
    assert "t0ken" not in output


async def test_the_billing_service_exits_with_1_when_nobody_answers() -> None:
    async with FaultServer.run() as server:
        await server.down()
        code, output = await run_billing("--url", server.base_url, "--calls", "1")
    assert code == 1
    assert "HTTPRetryExhaustedError" in output


async def test_the_billing_service_ends_cleanly_on_ctrl_c() -> None:
    process = await asyncio.create_subprocess_exec(
        *command(BILLING),
        env=ENVIRONMENT | {"PYTHONUNBUFFERED": "1"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    async with asyncio.timeout(50):
        while b"It is slow" not in await process.stdout.readline():
            pass
        process.send_signal(signal.SIGINT)
        output, errors = await process.communicate()
    assert process.returncode == 1
    assert "Summary" in output.decode()
    assert "Interrupted." in output.decode()
    assert errors == b""
