"""What goes wrong around a client: its event loop, its process, and who listens to it."""

import asyncio
import gc
import logging
import subprocess
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from lexigram.contracts.web import (
    HTTPClientStateError,
    HTTPTimeoutError,
    InterceptorProtocol,
    RequestContext,
    ResponseContext,
)
from lexigram.http import ConnectionPool, HTTPClient
from lexigram.http.pool import left_behind
from lexigram.testing import FaultServer, virtual_time


class Handler(BaseHTTPRequestHandler):
    """Answers each request with its body."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def handle_one_request(self) -> None:
        with suppress(ConnectionError):  # of a client that went without a word
            super().handle_one_request()

    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def serving() -> Iterator[str]:
    """Serve in a thread, whatever becomes of event loops."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


async def body(client: HTTPClient, url: str) -> bytes:
    return (await client.get(url, timeout=5)).unwrap().body


# -- event loops --------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
def test_a_client_of_a_loop_that_is_over_says_so_and_can_be_started_again() -> None:
    with serving() as url:
        client = HTTPClient()
        asyncio.run(client.start())

        async def use() -> None:
            with pytest.raises(HTTPClientStateError, match="another event loop"):
                await client.get(url)
            with pytest.raises(HTTPClientStateError, match="another event loop"):
                async with client.stream("GET", url):
                    pass
            with pytest.raises(HTTPClientStateError, match="another event loop"):
                await client.warm_up([url])

        async def use_again() -> bytes:
            async with client:
                return await body(client, url)

        asyncio.run(use())
        assert asyncio.run(use_again()) == b"ok"
        assert asyncio.run(use_again()) == b"ok"
        gc.collect()


@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
def test_a_client_can_be_stopped_after_its_loop() -> None:
    with serving() as url:
        client = HTTPClient()

        async def use() -> None:
            await client.start()
            await body(client, url)

        asyncio.run(use())
        asyncio.run(client.stop())
        assert "stopped" in repr(client)
        asyncio.run(client.stop())
        gc.collect()


def test_a_client_is_not_taken_from_a_loop_that_goes_on() -> None:
    with serving() as url, asyncio.Runner() as owner, asyncio.Runner() as other:
        client = HTTPClient()
        owner.run(client.start())
        for use in (client.start, client.stop):
            with pytest.raises(HTTPClientStateError, match="not closed"):
                other.run(use())
        assert owner.run(body(client, url)) == b"ok"
        owner.run(client.stop())


@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
def test_a_shared_pool_is_of_one_loop_too() -> None:
    with serving() as url:
        pool = ConnectionPool()
        client = HTTPClient(pool=pool)

        async def begin() -> None:
            await pool.start()
            await client.start()

        async def not_yet() -> None:
            with pytest.raises(RuntimeError, match="pool is not started"):
                await client.start()

        async def again() -> bytes:
            async with pool, client:
                return await body(client, url)

        asyncio.run(begin())
        asyncio.run(not_yet())
        assert asyncio.run(again()) == b"ok"
        gc.collect()


async def test_starting_twice_at_once_opens_one_pool() -> None:
    client = HTTPClient()
    await asyncio.gather(client.start(), client.start(), client.start())
    async with FaultServer.run() as server:
        server.on.get("/").respond()
        assert (await client.get(f"{server.base_url}/")).is_ok()
    await client.stop()


async def test_the_connections_of_a_client_that_is_lost_are_closed_in_their_time() -> (
    None
):
    async with virtual_time(), FaultServer.run() as server:
        server.on.get("/").respond()

        async def lose() -> None:
            client = HTTPClient()
            await client.start()
            assert (await client.get(f"{server.base_url}/")).is_ok()

        await lose()
        gc.collect()
        assert server.open_connections == 1
        await asyncio.sleep(10)
        await server.wait_until(lambda s: s.open_connections == 0, timeout=5)
        gc.collect()  # with no warning of anything that was left


@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
def test_a_pool_that_is_left_open_by_its_loop_warns_once() -> None:
    async def lose(url: str) -> None:
        client = HTTPClient()
        await client.start()
        await body(client, url)

    with serving() as url, warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        asyncio.run(lose(url))
        gc.collect()
    ours = [str(one.message) for one in caught if "pool" in str(one.message)]
    assert len(ours) == 1, ours
    assert "Use the client inside `async with`" in ours[0]


@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
def test_what_a_child_does_after_a_fork_forgets_every_open_pool() -> None:
    """As the process calls it: in a child nothing measures what is run."""
    with serving() as url:

        async def use() -> None:
            client = HTTPClient()
            await client.start()
            await body(client, url)
            left_behind._forget_all()
            assert client.statistics().idle == 0
            await client.stop()
            async with client:
                assert await body(client, url) == b"ok"

        asyncio.run(use())
        gc.collect()


# -- processes ----------------------------------------------------------------------------

FORK = """
import asyncio, os, sys
from lexigram.http import HTTPClient

url = sys.argv[1]
client = HTTPClient()
loop = asyncio.new_event_loop()

async def call():
    return (await client.get(url, timeout=5)).unwrap().body

loop.run_until_complete(client.start())
loop.run_until_complete(call())
if os.fork() == 0:
    try:
        asyncio.run(call())
    except RuntimeError as error:
        print(type(error).__name__, flush=True)

    async def afresh():
        async with client:
            print(await call(), client.statistics().opened, flush=True)

    asyncio.run(afresh())
    sys.exit()  # with all that the end of a process does
os.wait()
for _ in range(3):
    print(loop.run_until_complete(call()), client.statistics().opened, flush=True)
loop.run_until_complete(client.stop())
loop.close()
"""

LEFT_OPEN = """
import asyncio, sys
from lexigram.http import HTTPClient

clients = [HTTPClient() for _ in range(20)]

async def main():
    for client in clients:
        await client.start()
        await client.get(sys.argv[1])

asyncio.run(main())
"""


def run(program: str, url: str, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *options, "-c", program, url],
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )


@pytest.mark.skipif(not hasattr(__import__("os"), "fork"), reason="no fork here")
def test_a_forked_child_leaves_the_connections_of_its_parent_alone() -> None:
    with serving() as url:
        done = run(FORK, url)
    assert done.stderr == ""
    assert done.stdout.splitlines() == [
        "HTTPClientStateError",
        "b'ok' 1",
        *["b'ok' 1"] * 3,
    ]


def test_an_interpreter_that_ends_with_open_clients_ends_quietly() -> None:
    with serving() as url:
        done = run(LEFT_OPEN, url)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
        told = run(LEFT_OPEN, url, "-W", "default::ResourceWarning")
    assert told.returncode == 0
    # Python itself warns of each socket.
    lines = [line for line in told.stderr.splitlines() if "not stopped" in line]
    assert len(lines) <= 20
    assert "Traceback" not in told.stderr
    assert "Unclosed" not in told.stderr


# -- who listens --------------------------------------------------------------------------


class Raising(logging.Handler):
    """A handler that does what none may."""

    def emit(self, record: logging.LogRecord) -> None:
        raise RuntimeError(record.name)


class Failing(InterceptorProtocol):
    """An interceptor that fails before, or after."""

    def __init__(self, scope: str, *, before: bool) -> None:
        self.scope = scope
        self._before = before

    async def intercept_request(self, context: RequestContext, /) -> RequestContext:
        if self._before:
            raise LookupError("before")
        return context

    async def intercept_response(self, context: ResponseContext, /) -> ResponseContext:
        raise LookupError("after")


class Blocking(InterceptorProtocol):
    """An interceptor that waits for what does not come."""

    async def intercept_request(self, context: RequestContext, /) -> RequestContext:
        await asyncio.Event().wait()
        return context


class BrokenMetrics:
    """A recorder that raises, whatever it is told."""

    def increment(self, *_: Any) -> None:
        raise RuntimeError("metrics")

    gauge = histogram = increment


async def test_a_log_handler_that_raises_costs_the_call_but_no_connection() -> None:
    handler, log = Raising(), logging.getLogger("lexigram.http")
    async with FaultServer.run() as server, HTTPClient() as client:
        server.on.get("/").respond(404)
        log.addHandler(handler)
        before = log.level
        log.setLevel(logging.DEBUG)
        try:
            for _ in range(3):
                with pytest.raises(RuntimeError, match=r"lexigram\.http"):
                    await client.get(f"{server.base_url}/")
        finally:
            log.removeHandler(handler)
            log.setLevel(before)
        assert (await client.get(f"{server.base_url}/")).is_err()
        now = client.statistics()
        assert (now.in_use, now.opened) == (0, 1)


async def test_metrics_that_raise_cost_nothing() -> None:
    recorder: Any = BrokenMetrics()
    async with FaultServer.run() as server, HTTPClient(metrics=recorder) as client:
        server.on.get("/").respond()
        for _ in range(3):
            assert (await client.get(f"{server.base_url}/")).is_ok()
        assert client.statistics().opened == 1


@pytest.mark.parametrize("scope", ["call", "attempt"])
@pytest.mark.parametrize("before", [True, False])
async def test_an_interceptor_that_raises_leaves_nothing_behind(
    scope: str,
    before: bool,  # noqa: FBT001 - of a table
) -> None:
    one = Failing(scope, before=before)
    async with FaultServer.run() as server, HTTPClient(interceptors=[one]) as client:
        server.on.get("/").optional().respond()
        for _ in range(3):
            with pytest.raises(LookupError):
                await client.get(f"{server.base_url}/")
        assert client.statistics().in_use == 0
        assert client.statistics().opened == (0 if before else 1)


async def test_an_interceptor_that_waits_for_ever_is_ended_by_the_timeout() -> None:
    async with virtual_time(), HTTPClient(interceptors=[Blocking()]) as client:
        error = (await client.get("http://127.0.0.1:1/", timeout=3)).unwrap_err()
    assert isinstance(error, HTTPTimeoutError)
    assert error.request_sent == "no"
