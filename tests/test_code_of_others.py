"""The code of other libraries on the pages runs as well: what one moves from.

A `py` block is the "before" of a page. It is a piece, so that each test here puts a frame
around it that the page leaves out, and does nothing else to it but to write another address
for `https://api.test`. The libraries are in the dependency group `others`, and imported
before any test runs: tests that run pytest within this process drop what they imported.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from textwrap import indent
from typing import Any, TypeVar

import aiohttp
import httpx
import pytest
import requests
import tenacity
from pages import pages
from requests.adapters import HTTPAdapter
from urllib3 import Retry

from environments import ROOT
from lexigram.testing import FaultServer, Reply, virtual_time

pytest_plugins = ["pytester"]

Test = TypeVar("Test", bound=Callable[..., Any])

MIGRATING = "docs/guides/migrating-tests.md"
SHOWN = {
    (page.relative_to(ROOT).as_posix(), number): code
    for page in pages()
    for number, code in enumerate(
        re.findall(r"^```py\n(.*?)^```$", page.read_text(), re.DOTALL | re.MULTILINE)
    )
}
RUN: set[tuple[str, int]] = set()
TOLD = {"", "console", "diff", "ini", "py", "python", "sh", "text", "toml", "yaml"}
A_TESTS_IMPORTS = """\
import asyncio

import pytest

URL = "https://stock.test/v1/reservations"
"""


def runs(page: str, number: int = 0) -> Callable[[Test], Test]:
    """Hand a test the code of a page's block as `code`, and note that it is run."""
    RUN.add((page, number))
    return pytest.mark.parametrize("code", [SHOWN[page, number]], ids=[Path(page).stem])


def framed(head: str, code: str, names: dict[str, Any]) -> Any:
    """Return the function with this head that has the code of a page as its body."""
    exec(compile(f"{head}\n{indent(code, '    ')}", "<page>", "exec"), names)  # noqa: S102  # the page's own code
    return names["before"]


def test_every_block_with_the_code_of_others_is_run() -> None:
    assert set(SHOWN) == RUN


@pytest.mark.parametrize("page", pages(), ids=lambda p: p.relative_to(ROOT).as_posix())
def test_no_block_is_written_so_that_nothing_sees_it(page: Path) -> None:
    """`python` is run by `test_guides.py`, `py` here; neither looks at other marks."""
    fences = re.findall(r"^( *)```+(\S*)[^`\n]*$", page.read_text(), re.MULTILINE)
    assert {name for _, name in fences} <= TOLD
    assert [name for space, name in fences if space and name in {"py", "python"}] == []


# --- clients --------------------------------------------------------------------------


@runs("docs/how-to/from-aiohttp.md")
async def test_the_call_of_aiohttp_gets_json_and_gives_up_after_five_seconds(
    code: str,
) -> None:
    before = framed("async def before(url):", code, {"aiohttp": aiohttp})
    async with virtual_time() as clock, FaultServer.run() as server:
        server.on.get("/v1").sequence(
            Reply(json={"cents": 7}), Reply(503), Reply(json={}, delay=60)
        )
        url = f"{server.base_url}/v1"
        assert await before(url) == 7
        with pytest.raises(aiohttp.ClientResponseError, match="503"):
            await before(url)
        with pytest.raises(TimeoutError):
            await before(url)
        assert clock.elapsed == pytest.approx(5, abs=0.5)


@dataclass
class User:
    """What the page of httpx reads a listing into."""

    name: str


@runs("docs/how-to/from-httpx.md")
async def test_the_listing_of_httpx_is_read_into_models_or_raises(code: str) -> None:
    async with FaultServer.run() as server:
        server.on.get("/v1/users?page=1").sequence(
            Reply(json=[{"name": "Ada"}]), Reply(404)
        )
        before = framed(
            "async def before():",
            code.replace("https://api.test", server.base_url),
            {"httpx": httpx, "User": User},
        )
        assert await before() == [User("Ada")]
        with pytest.raises(httpx.HTTPStatusError, match="404"):
            await before()


@runs("docs/how-to/from-requests.md")
async def test_the_session_of_requests_repeats_a_503_and_prints_the_json(
    code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    printed: list[Any] = []
    names = {
        "requests": requests,
        "HTTPAdapter": HTTPAdapter,
        "Retry": Retry,
        "print": printed.append,
    }
    # What the page mounts is for https.
    async with FaultServer.run(tls=True) as server:
        authority = tmp_path / "ca.pem"
        authority.write_bytes(server.ca_pem)
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(authority))
        server.on.get("/v1/users", headers={"X-App": "shop"}).sequence(
            Reply(503), Reply(json=[{"name": "Ada"}]), Reply(404)
        )
        address = code.replace("https://api.test", server.base_url)
        before = framed("def before():", f"{address}session.close()\n", names)
        await asyncio.to_thread(before)
        assert printed == [[{"name": "Ada"}]]
        with pytest.raises(requests.HTTPError, match="404"):
            await asyncio.to_thread(before)


@runs("docs/how-to/from-tenacity.md")
async def test_the_function_of_tenacity_is_repeated_after_failures_five_times(
    code: str,
) -> None:
    asked: list[str] = []

    def rows(table: str) -> str:
        asked.append(table)
        if table == "nonsense":
            raise ValueError("no table")
        if table == "orders" and len(asked) == 5:
            return "rows of orders"
        raise ConnectionError(f"failure {len(asked)}")

    # The page leaves the body out.
    body = code.replace(": ...", ": return rows(table)")
    fetch_rows = framed(
        "def before():", f"{body}return fetch_rows\n", {**vars(tenacity), "rows": rows}
    )()
    async with virtual_time():
        assert await fetch_rows("orders") == "rows of orders"
        asked.clear()
        with pytest.raises(ConnectionError, match="failure 5"):
            await fetch_rows("customers")
        asked.clear()
        with pytest.raises(ValueError, match="no table"):
            await fetch_rows("nonsense")
        assert asked == ["nonsense"]


# --- test kits ------------------------------------------------------------------------


def outcomes(pytester: pytest.Pytester, *code: str) -> dict[str, int]:
    """Run a file of tests in a process of its own, strictly."""
    pytester.makepyfile(test_page=A_TESTS_IMPORTS + "".join(code))
    done = pytester.runpytest_subprocess(
        "-W", "error", "-o", "asyncio_mode=auto",
        "-o", "asyncio_default_fixture_loop_scope=function",
    )  # fmt: skip
    return done.parseoutcomes()


@pytest.mark.thorough
@runs(MIGRATING, 0)
def test_the_tests_with_respx_pass(code: str, pytester: pytest.Pytester) -> None:
    assert outcomes(pytester, "import httpx, respx\n", code) == {"passed": 3}


@pytest.mark.thorough
@runs(MIGRATING, 1)
def test_the_tests_with_pytest_httpx_pass(code: str, pytester: pytest.Pytester) -> None:
    reserve = SHOWN[MIGRATING, 0].partition("@respx.mock")[0]
    assert outcomes(pytester, "import httpx\n", reserve, code) == {"passed": 3}


IMPORTS_FOR_AIORESPONSES = """\
import aiohttp, yarl
from aioresponses import aioresponses
"""
WHAT_AIORESPONSES_LACKS = """\
import functools
from types import SimpleNamespace

import aiohttp
import aioresponses.core

aioresponses.core.ClientResponse = functools.partial(
    aiohttp.ClientResponse, stream_writer=SimpleNamespace(output_size=0)
)
"""


@pytest.mark.thorough
@runs(MIGRATING, 2)
def test_the_tests_with_aioresponses_pass_as_soon_as_it_knows_this_aiohttp(
    code: str, pytester: pytest.Pytester
) -> None:
    # As the page says: each answer raises, and the error that is no answer does not.
    assert outcomes(pytester, IMPORTS_FOR_AIORESPONSES, code) == {
        "passed": 1,
        "failed": 2,
    }
    pytester.makeconftest(WHAT_AIORESPONSES_LACKS)
    assert outcomes(pytester, IMPORTS_FOR_AIORESPONSES, code) == {"passed": 3}
