"""What the tables of the pages say of other libraries is what they do.

Each test is about the left column of one page, or about its words on what changes; the
libraries are in the dependency group `others`.
"""

from __future__ import annotations

import asyncio
import inspect
from pathlib import Path

import aiohttp
import httpx
import pytest
import requests
import tenacity

from lexigram.http import ConnectionPoolConfig
from lexigram.testing import FaultServer, Reply, fault, virtual_time

pytest_plugins = ["pytester"]

URL = "https://stock.test/v1"


@pytest.fixture
def netrc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file in the home directory with a password for the server, and no proxies."""
    file = tmp_path / "netrc"
    file.write_text("machine 127.0.0.1 login ada password lovelace\n")
    monkeypatch.setenv("NETRC", str(file))
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)


# --- aiohttp --------------------------------------------------------------------------


async def test_aiohttp_has_a_hundred_connections_and_five_minutes() -> None:
    async with aiohttp.ClientSession() as session:
        assert (session.connector.limit, session.connector.limit_per_host) == (100, 0)
        assert session.timeout.total == 300
        assert session.trust_env is False
    ours = ConnectionPoolConfig()
    assert (ours.max_connections, ours.max_connections_per_host) == (10, 10)


async def test_aiohttp_calls_a_404_no_error_and_wants_the_content_type() -> None:
    async with FaultServer.run() as server, aiohttp.ClientSession() as session:
        server.on.get("/v1").respond(404, text="{}")
        async with session.get(f"{server.base_url}/v1") as response:
            assert response.status == 404
            with pytest.raises(aiohttp.ContentTypeError):
                await response.json()


@pytest.mark.usefixtures("netrc")
@pytest.mark.parametrize("trusting", [False, True])
async def test_aiohttp_reads_netrc_when_it_trusts_the_environment(
    *, trusting: bool
) -> None:
    async with (
        FaultServer.run() as server,
        aiohttp.ClientSession(trust_env=trusting) as session,
    ):
        server.on.get("/v1").respond(200)
        await (await session.get(f"{server.base_url}/v1")).read()
        assert ("authorization" in server.calls.one().request.headers) is trusting


async def test_aiohttp_takes_most_headers_to_another_origin() -> None:
    async with (
        FaultServer.run() as one,
        FaultServer.run() as another,
        aiohttp.ClientSession() as session,
    ):
        one.on.get("/v1").respond(302, headers={"Location": another.base_url})
        another.on.get("/").respond(200)
        sent = {"X-API-Key": "k", "Authorization": "Bearer t"}
        await (await session.get(f"{one.base_url}/v1", headers=sent)).read()
        arrived = another.calls.one().request.headers
        assert "x-api-key" in arrived
        assert "authorization" not in arrived


@pytest.mark.parametrize(("method", "times"), [("PUT", 2), ("POST", 1)])
async def test_aiohttp_repeats_once_what_is_idempotent_when_the_connection_broke(
    method: str, times: int
) -> None:
    async with FaultServer.run() as server, aiohttp.ClientSession() as session:
        server.on(method, "/v1").fail(fault.close())
        with pytest.raises(aiohttp.ServerDisconnectedError):
            await session.request(method, f"{server.base_url}/v1")
        server.calls.assert_count(times)


async def test_aiohttp_repeats_nothing_for_a_status() -> None:
    async with FaultServer.run() as server, aiohttp.ClientSession() as session:
        server.on.get("/v1").respond(503)
        assert (await session.get(f"{server.base_url}/v1")).status == 503
        server.calls.assert_count(1)


# --- httpx ----------------------------------------------------------------------------


async def test_httpx_follows_no_redirect_and_calls_it_no_success() -> None:
    async with FaultServer.run() as server, httpx.AsyncClient() as client:
        server.on.get("/v1").respond(302, headers={"Location": "/v2"})
        response = await client.get(f"{server.base_url}/v1")
        assert response.status_code == 302
        assert not response.is_success


async def test_the_timeout_of_httpx_is_for_each_step() -> None:
    async with (
        virtual_time() as clock,
        FaultServer.run() as server,
        httpx.AsyncClient(timeout=5.0) as client,
    ):
        slow = Reply(chunks=[b"a", b"b", b"c", b"d"], pause=4)
        server.on.get("/v1").sequence(slow)
        assert (await client.get(f"{server.base_url}/v1")).text == "abcd"
        assert clock.elapsed == pytest.approx(12, abs=0.5)


async def test_httpx_raises_for_transport_errors_and_repeats_connecting_alone() -> None:
    transport = httpx.AsyncHTTPTransport(retries=3)
    async with (
        FaultServer.run() as server,
        httpx.AsyncClient(transport=transport) as client,
    ):
        server.on.get("/v1").sequence(Reply(503), fault.close())
        assert (await client.get(f"{server.base_url}/v1")).status_code == 503
        with pytest.raises(httpx.HTTPError):
            await client.get(f"{server.base_url}/v1")
        server.calls.assert_count(2)


# --- requests -------------------------------------------------------------------------


@pytest.mark.usefixtures("netrc")
async def test_requests_reads_netrc_unasked_and_has_no_timeout() -> None:
    asked = inspect.signature(requests.Session.request).parameters["timeout"]
    assert asked.default is None
    async with FaultServer.run() as server:
        server.on.get("/v1").respond(404)
        response = await asyncio.to_thread(requests.get, f"{server.base_url}/v1")
        assert not response.ok
        assert "authorization" in server.calls.one().request.headers
        await server.down()
        with pytest.raises(requests.RequestException):
            await asyncio.to_thread(requests.get, f"{server.base_url}/v1")


# --- tenacity -------------------------------------------------------------------------


async def test_tenacity_wraps_what_was_raised_and_sleeps_as_it_is_told() -> None:
    slept: list[float] = []
    told: list[str] = []

    async def fake(seconds: float) -> None:
        slept.append(seconds)

    @tenacity.retry(
        stop=tenacity.stop_after_attempt(3) | tenacity.stop_after_delay(60),
        wait=tenacity.wait_fixed(7),
        retry=tenacity.retry_if_exception_type() | tenacity.retry_if_result(bool),
        before_sleep=lambda state: told.append("before_sleep"),
        after=lambda state: told.append("after"),
    )
    async def fetch() -> None:
        raise ConnectionError("down")

    fetch.retry.sleep = fake
    with pytest.raises(tenacity.RetryError) as caught:
        await fetch()
    assert isinstance(caught.value.__cause__, ConnectionError)
    assert slept == [7, 7]
    assert told == ["after", "before_sleep"] * 2 + ["after"]


# --- test kits ------------------------------------------------------------------------

RESPX = """\
import httpx
import pytest
import respx

@respx.mock
async def test_what_is_matched_and_forwarded():
    respx.get(URL, params__contains={"a": "1"}).respond(200, json=1)
    respx.post(URL, json__a__b=2).respond(201)
    respx.get(url__regex=r"https://stock.test/items/(?P<id>[0-9]+)").respond(202)
    forwarded = respx.get("http://127.0.0.1:9/").pass_through()
    async with httpx.AsyncClient() as client:
        assert (await client.get(URL, params={"a": "1", "b": "2"})).json() == 1
        assert (await client.post(URL, json={"a": {"b": 2}})).status_code == 201
        assert (await client.get("https://stock.test/items/7")).status_code == 202
        with pytest.raises(httpx.ConnectError):
            await client.get("http://127.0.0.1:9/")
    assert forwarded.called

@respx.mock
async def test_an_uncalled_route_is_none_of_its_business():
    assert not respx.get(URL).respond(200).called

@respx.mock
async def test_an_unmatched_request_raises_what_except_exception_swallows():
    async with httpx.AsyncClient() as client:
        with pytest.raises(AssertionError):
            await client.get(URL)

async def test_the_end_of_the_test_does_not_tell_of_it_again():
    with respx.mock:
        async with httpx.AsyncClient() as client:
            try:
                await client.get(URL)
            except Exception:
                pass
"""
PYTEST_HTTPX = """\
import httpx
import pytest

async def test_each_response_is_used_once(httpx_mock):
    httpx_mock.add_response(url=URL)
    async with httpx.AsyncClient() as client:
        await client.get(URL)
        with pytest.raises(httpx.TimeoutException):
            await client.get(URL)
    # It fails at the end otherwise.
    httpx_mock.reset()

async def test_what_is_matched_and_computed(httpx_mock):
    httpx_mock.add_response(url=URL, match_headers={"a": "1"}, match_json={"b": 2})
    httpx_mock.add_response(url=URL, match_content=b"c")
    async with httpx.AsyncClient() as client:
        await client.post(URL, headers={"a": "1"}, json={"b": 2})
        await client.post(URL, content=b"c")
        httpx_mock.add_callback(lambda request: httpx.Response(201))
        assert (await client.get(URL)).status_code == 201
"""
AIORESPONSES = """\
import aiohttp
import pytest
from aioresponses import CallbackResult, aioresponses

async def test_it_answers_once_or_again_and_by_a_function():
    with aioresponses() as mocked:
        mocked.get(URL, payload=1, repeat=True)
        mocked.put(URL, callback=lambda url, **_: CallbackResult(status=202))
        async with aiohttp.ClientSession() as session:
            for _ in range(2):
                assert await (await session.get(URL)).json() == 1
            assert (await session.put(URL)).status == 202
            with pytest.raises(aiohttp.ClientConnectionError):
                await session.put(URL)

async def test_it_passes_through():
    with aioresponses(passthrough=["http://127.0.0.1:9"]):
        async with aiohttp.ClientSession() as session:
            with pytest.raises(aiohttp.ClientConnectorError):
                await session.get("http://127.0.0.1:9/")
"""
# It does not know the newest aiohttp; see `test_code_of_others.py`.
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
@pytest.mark.parametrize(
    ("code", "passed", "needed"),
    [
        (RESPX, 4, ""),
        (PYTEST_HTTPX, 2, ""),
        (AIORESPONSES, 2, WHAT_AIORESPONSES_LACKS),
    ],
    ids=["respx", "pytest-httpx", "aioresponses"],
)
def test_the_habits_of_test_kits_are_those_of_the_table(
    code: str, passed: int, needed: str, pytester: pytest.Pytester
) -> None:
    pytester.makeconftest(needed)
    pytester.makepyfile(test_habits=f"URL = {URL!r}\n{code}")
    done = pytester.runpytest_subprocess(
        "-W", "error", "-o", "asyncio_mode=auto",
        "-o", "asyncio_default_fixture_loop_scope=function",
    )  # fmt: skip
    assert done.parseoutcomes() == {"passed": passed}
