"""Connections to nginx: how long they are used, and what their end costs."""

import asyncio
import re
import signal
from typing import Any

import pytest

from lexigram.contracts.web import HTTPConnectionError, HTTPTimeoutError, Timeouts
from lexigram.http import HTTPClient, HTTPClientConfig
from lexigram.testing import FaultServer, fault
from programs import Program


def client_with(**pool: Any) -> HTTPClient:
    return HTTPClient(HTTPClientConfig.model_validate({"pool": pool}))


async def active(nginx: Program) -> int:
    """Return how many connections nginx has, the one that asks included."""
    async with client_with(force_close=True) as client:
        response = (await client.get(nginx.url("plain", "/connections"))).unwrap()
    found = re.search(r"Active connections: (\d+)", response.text)
    assert found
    return int(found[1])


async def until(nginx: Program, connections: int) -> None:
    """Wait until nginx has as many connections, the one that asks included."""
    async with asyncio.timeout(10):
        # Another process has no event to wait for.
        while await active(nginx) != connections:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def test_one_connection_serves_requests_in_a_row(nginx: Program) -> None:
    async with HTTPClient() as client:
        answers = [
            (await client.get(nginx.url("plain", "/number"))).unwrap()
            for _ in range(50)
        ]
    assert [answer.text for answer in answers] == [str(n) for n in range(1, 51)]
    assert len({answer.headers["x-connection"] for answer in answers}) == 1


async def test_connections_are_opened_before_the_first_call(nginx: Program) -> None:
    async with client_with(max_keepalive_connections=3) as client:
        assert await client.warm_up([nginx.url("plain")], connections=3) == ()
        await until(nginx, connections=4)
        urls = [nginx.url("plain", "/number")] * 3
        answers = await asyncio.gather(*map(client.get, urls))
        assert [answer.unwrap().text for answer in answers] == ["1"] * 3
        assert client.statistics().opened == 3


async def test_a_unix_socket_is_a_server_like_others(nginx: Program) -> None:
    async with HTTPClient.over_unix_socket(nginx.folder / "socket") as client:
        answers = [await client.get("http://partner.test/number") for _ in range(2)]
        assert [answer.unwrap().text for answer in answers] == ["1", "2"]
        response = (await client.get("http://partner.test/moved")).unwrap()
    assert response.headers["x-request"] == "4"


async def test_a_connection_that_may_not_go_on_is_replaced_and_nothing_is_lost(
    nginx: Program,
) -> None:
    async with HTTPClient() as client:
        answers = [
            (await client.post(nginx.url("plain", "/few"))).unwrap() for _ in range(8)
        ]
    assert [answer.text for answer in answers] == list("12312312")
    assert {answer.attempts for answer in answers} == {1}


async def test_many_at_once_lose_nothing_where_connections_are_short_lived(
    nginx: Program,
) -> None:
    async with client_with(max_connections=4) as client:
        urls = [nginx.url("plain", path) for path in ("/few", "/last", "/number")] * 40
        results = await asyncio.gather(*(client.post(url) for url in urls))
    assert {result.unwrap().attempts for result in results} == {1}


async def test_a_connection_that_the_server_closed_while_idle_is_not_used_again(
    nginx: Program,
) -> None:
    async with HTTPClient() as client:
        first = (await client.post(nginx.url("plain", "/short"))).unwrap()
        assert first.headers["keep-alive"] == "timeout=1"
        await until(nginx, connections=1)
        second = (await client.post(nginx.url("plain", "/short"))).unwrap()
    assert second.headers["x-connection"] != first.headers["x-connection"]
    assert second.attempts == 1


async def test_neither_success_nor_failure_nor_cancellation_leaves_a_connection(
    nginx: Program,
) -> None:
    async with client_with(max_connections=8) as client:
        paths = ["/number", "/broken", "/silent", "/missing", "/stuck/text.txt"] * 4
        calls = [
            asyncio.create_task(
                client.get(nginx.url("plain", path), timeout=1, retry=False)
            )
            for path in paths
        ]
        done, pending = await asyncio.wait(calls, timeout=0.3)
        assert done
        for call in pending:
            call.cancel()
        await asyncio.wait(calls)
        answer = (await client.get(nginx.url("plain", "/number"), retry=False)).unwrap()
        assert answer.status == 200, "the pool is as good as new"
    await until(nginx, connections=1)


async def test_a_close_without_an_answer_is_repeated_and_then_told(
    nginx: Program,
) -> None:
    async with HTTPClient() as client:
        error = (await client.get(nginx.url("plain", "/silent"))).unwrap_err()
        assert isinstance(error, HTTPConnectionError)
        assert (error.failure, error.request_sent) == ("disconnected", "maybe")
        assert error.attempts == 3
        once = (await client.post(nginx.url("plain", "/silent"))).unwrap_err()
    assert once.attempts == 1, "the server may have acted on it"


async def test_a_body_at_a_snails_pace_ends_with_the_call(nginx: Program) -> None:
    async with HTTPClient() as client:
        url = nginx.url("plain", "/stuck/text.txt")
        error = (await client.get(url, timeout=0.2)).unwrap_err()
        assert isinstance(error, HTTPTimeoutError)
        assert error.request_sent == "yes"
        answer = (await client.get(nginx.url("plain", "/number"))).unwrap()
    assert answer.text == "1", "what is unread cannot be used again"


async def test_the_limit_of_silence_ends_what_hangs_and_not_what_is_slow(
    nginx: Program,
) -> None:
    async with HTTPClient() as client:
        limits = Timeouts(read=1.5)
        slow = await client.get(nginx.url("plain", "/slow/text.txt"), timeout=limits)
        assert slow.unwrap().text.endswith("line 9999\n")
        async with FaultServer.run() as upstream:
            upstream.on.get("/behind").fail(fault.hang(after_bytes=100))
            error = (
                await client.get(
                    nginx.url("plain", f"/patient?port={upstream.port}"),
                    timeout=Timeouts(read=0.2),
                    retry=False,
                )
            ).unwrap_err()
    assert isinstance(error, HTTPTimeoutError)
    assert (error.phase, error.request_sent) == ("read", "yes")


async def test_a_slow_body_arrives_whole(nginx: Program) -> None:
    async with HTTPClient() as client:
        response = (await client.get(nginx.url("plain", "/slow/text.txt"))).unwrap()
    assert response.text.endswith("line 9999\n")


async def test_no_call_fails_while_nginx_reloads(own_nginx: Program) -> None:
    workers: dict[int, str] = {}
    answered, enough = asyncio.Event(), asyncio.Event()

    async def ask(client: HTTPClient, number: int) -> None:
        while not enough.is_set():
            response = (await client.get(own_nginx.url("plain", "/number"))).unwrap()
            workers[number] = response.headers["x-worker"]
            answered.set()

    async def all_see_others(than: set[str]) -> None:
        while len(workers) < 8 or than & set(workers.values()):
            answered.clear()
            await answered.wait()

    async with (
        HTTPClient() as client,
        asyncio.timeout(20),
        asyncio.TaskGroup() as group,
    ):
        for number in range(8):
            group.create_task(ask(client, number))
        await all_see_others(set())
        for _ in range(3):
            before = set(workers.values())
            own_nginx.process.send_signal(signal.SIGHUP)
            await all_see_others(before)
        enough.set()


async def test_what_nginx_has_begun_is_finished_before_it_quits(
    own_nginx: Program,
) -> None:
    async with HTTPClient() as client:
        url = own_nginx.url("plain", "/slow/text.txt")
        call = asyncio.create_task(client.get(url))
        await until(own_nginx, connections=2)
        own_nginx.process.send_signal(signal.SIGQUIT)
        assert (await call).unwrap().text.endswith("line 9999\n")
        gone = (await client.get(url)).unwrap_err()
    assert isinstance(gone, HTTPConnectionError)
    assert (gone.failure, gone.request_sent) == ("connect", "no")


async def test_a_server_that_is_killed_within_a_body_leaves_it_truncated(
    own_nginx: Program,
) -> None:
    async with HTTPClient() as client:
        url = own_nginx.url("plain", "/stuck/text.txt")
        call = asyncio.create_task(client.get(url, retry=False))
        await until(own_nginx, connections=2)
        own_nginx.process.send_signal(signal.SIGTERM)
        error = (await call).unwrap_err()
    assert isinstance(error, HTTPConnectionError)
    assert (error.failure, error.request_sent) == ("truncated", "yes")


async def test_an_upstream_that_is_gone_is_a_502_that_is_tried_again(
    nginx: Program,
) -> None:
    async with HTTPClient() as client:
        error = (await client.get(nginx.url("plain", "/dead"))).unwrap_err()
    assert getattr(error, "status", 0) == 502
    assert (error.attempts, error.retryable) == (3, True)


async def test_an_upstream_that_hangs_is_a_504(nginx: Program) -> None:
    async with FaultServer.run() as upstream, HTTPClient() as client:
        upstream.on.get("/behind").fail(fault.hang())
        url = nginx.url("plain", f"/through?port={upstream.port}")
        response = await client.request("GET", url, retry=False)
    assert response.status == 504


@pytest.mark.parametrize(
    "broken", [fault.truncate(100), fault.reset(100), fault.truncated_chunked()]
)
async def test_what_is_cut_short_behind_nginx_is_never_taken_for_whole(
    nginx: Program, broken: Any
) -> None:
    async with FaultServer.run() as upstream, HTTPClient() as client:
        upstream.on.get("/behind").fail(broken)
        url = nginx.url("plain", f"/through?port={upstream.port}")
        error = (await client.get(url, retry=False)).unwrap_err()
    assert isinstance(error, HTTPConnectionError)
    assert (error.failure, error.request_sent) == ("truncated", "yes")
