"""The catalogue of faults, and what a server does for each on the wire."""

import asyncio
import gc
import random
import re
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lexigram.testing import Fault, FaultServer, Reply, fault, virtual_time
from lexigram.testing._answers.faults import Ending, Phase, TLSFault

PLAIN = [cause for cause in fault.all() if cause.kind != "tls"]
ROUTABLE = [cause for cause in PLAIN if not cause.before_request]
BEFORE = [cause for cause in PLAIN if cause.before_request]
NAMES = [
    name
    for name, value in vars(fault).items()
    if isinstance(value, staticmethod) and name not in {"all", "portable"}
]
REQUEST = b"GET /x HTTP/1.1\r\nHost: h\r\n\r\n"


@asynccontextmanager
async def serving(**options: Any) -> AsyncGenerator[FaultServer, None]:
    """Return a server whose slow faults take no real time."""
    async with virtual_time(), FaultServer.run(**options) as server:
        yield server


@asynccontextmanager
async def connected(
    server: FaultServer,
) -> AsyncGenerator[tuple[asyncio.StreamReader, asyncio.StreamWriter], None]:
    reader, writer = await asyncio.open_connection(server.host, server.port)
    try:
        yield reader, writer
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


async def read_to_the_end(server: FaultServer, request: bytes = REQUEST) -> bytes:
    """Return what a client gets that waits for the end, but not for ever."""
    async with connected(server) as (reader, writer):
        writer.write(request)
        received = b""
        with suppress(TimeoutError):
            async with asyncio.timeout(1000):
                while data := await reader.read(1 << 16):
                    received += data
        return received


# --- values ---


@pytest.mark.parametrize("name", NAMES)
def test_the_table_and_the_list_know_every_fault(name: str) -> None:
    rows = re.findall(r"^ *\| `(\w+)` \|", fault.__doc__ or "", re.MULTILINE)
    assert name in rows
    assert name in {cause.kind for cause in fault.all()}


def test_the_table_knows_no_other_fault() -> None:
    rows = re.findall(r"^ *\| `(\w+)` \|", fault.__doc__ or "", re.MULTILINE)
    assert sorted(rows) == sorted(NAMES)


def test_the_table_says_which_faults_need_no_wire() -> None:
    table = dict(
        re.findall(r"\| `(\w+)` \|.*\| ([^|]*) \|$", fault.__doc__ or "", re.MULTILINE)
    )
    in_process = {name for name, word in table.items() if re.match("yes|only", word)}
    assert in_process == {cause.kind for cause in fault.portable()}
    assert not any(cause.wire_only for cause in fault.portable())
    rest = [cause for cause in fault.all() if cause not in fault.portable()]
    assert all(cause.wire_only for cause in rest)


def test_every_phase_has_a_fault() -> None:
    assert {cause.phase for cause in fault.all()} == set(Phase)


@pytest.mark.parametrize("cause", fault.all())
def test_a_fault_shows_how_to_make_it_again(
    cause: Fault, request: pytest.FixtureRequest
) -> None:
    assert eval(repr(cause)) == cause  # noqa: S307 - its own text
    assert request.node.name.endswith(f"[{cause.call}]")


def test_every_fault_of_the_list_is_different() -> None:
    assert not [call for call, n in Counter(map(repr, fault.all())).items() if n > 1]


@given(body=st.binary(min_size=1, max_size=20), data=st.data())
def test_arguments_are_shown_too(body: bytes, data: st.DataObject) -> None:
    after = data.draw(st.integers(0, len(body) - 1))
    made = [
        fault.reset(after, body=body),
        fault.hang(after, body=body),
        fault.truncate(after, body=body),
        fault.half_close(after, body=body),
        fault.wrong_length(1, body=body),
        fault.drip(0.1 + after, body=body),
        fault.truncated_gzip(body=body),
        fault.raw(body, then="keep"),
        fault.huge_header(after),
    ]
    for cause in made:
        assert eval(repr(cause)) == cause  # noqa: S307 - its own text


@pytest.mark.parametrize("speed", [0, -1, float("nan"), float("inf")])
@pytest.mark.parametrize("make", [fault.drip, fault.drip_headers])
def test_what_is_no_speed_is_refused(make: Any, speed: float) -> None:
    with pytest.raises(ValueError, match="`hang`"):
        make(speed)


@pytest.mark.parametrize(
    "make", [fault.reset, fault.hang, fault.truncate, fault.half_close]
)
@pytest.mark.parametrize("after", [-1, 5, 6])
def test_a_cut_outside_of_the_body_is_refused(make: Any, after: int) -> None:
    with pytest.raises(ValueError, match="not within the body of 5 bytes"):
        make(after, body=b"12345")


@pytest.mark.parametrize("delta", [0, -6])
def test_a_wrong_length_must_be_one(delta: int) -> None:
    with pytest.raises(ValueError, match="5 or -5"):
        fault.wrong_length(delta, body=b"12345")


def test_what_does_not_exist_is_refused_by_name() -> None:
    kind: Any = "broken"
    with pytest.raises(ValueError, match="'untrusted', 'wrong_host'"):
        fault.tls(kind)
    with pytest.raises(ValueError, match="'keep', 'close'"):
        fault.raw(b"", then=kind)


def test_the_lists_of_words_are_covered() -> None:
    kinds: tuple[TLSFault, ...] = ("untrusted", "wrong_host", "expired")
    assert [fault.tls(kind).certificate for kind in kinds] == list(kinds)
    endings: tuple[Ending, ...] = (
        "keep",
        "close",
        "reset",
        "hang",
        "half_close",
        "race",
    )
    assert {cause.then for cause in fault.all()} == set(endings)


# --- on the wire ---


@pytest.mark.parametrize("cause", ROUTABLE)
async def test_a_route_and_the_whole_server_fail_alike(cause: Fault) -> None:
    async def meet() -> bytes | type[Exception]:
        try:
            return await read_to_the_end(server)
        except OSError as error:
            return type(error)

    async with serving() as server:
        server.on.get("/x").fail(cause)
        by_route = await meet()
        async with server.outage(cause):
            assert await meet() == by_route
        await server.wait_until(lambda s: s.open_connections == 0)
        assert len(server.calls) == 2
        assert [call.outcome for call in server.calls] == [cause, cause]


@pytest.mark.parametrize(
    "cause", [c for c in ROUTABLE if c.phase in {Phase.BODY, Phase.AFTER}]
)
async def test_what_breaks_after_the_head_has_a_good_head(cause: Fault) -> None:
    async with serving() as server, connected(server) as (reader, writer):
        server.on.get("/x").fail(cause)
        writer.write(REQUEST)
        head = (await reader.readuntil(b"\r\n\r\n")).decode("ascii")
        line, *fields = head.removesuffix("\r\n\r\n").split("\r\n")
        assert re.fullmatch(r"HTTP/1\.1 [23]\d\d [A-Z][A-Za-z ]+", line)
        assert all(re.fullmatch(r"[A-Za-z-]+: \S.*", text) for text in fields)
        names = [text.partition(":")[0] for text in fields]
        assert ("Content-Length" in names) != ("Transfer-Encoding" in names)
        assert len(names) == len(set(names))


@pytest.mark.parametrize("cause", [c for c in ROUTABLE if c.then == "keep"])
async def test_what_is_framed_correctly_keeps_the_connection(cause: Fault) -> None:
    async with serving() as server, connected(server) as (reader, writer):
        server.on.get("/x").sequence(cause, Reply(text="again"))
        sent = cause.data + cause.slowly
        for _ in range(2):
            writer.write(REQUEST)
        assert await reader.readexactly(len(sent)) == sent
        assert (await reader.readuntil(b"again")).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("cause", [fault.drip_headers(10), fault.drip(10)])
async def test_what_is_slow_is_as_slow_as_it_says(cause: Fault) -> None:
    async with virtual_time() as clock, FaultServer.run() as server:
        server.on.get("/x").fail(cause)
        async with connected(server) as (reader, writer):
            writer.write(REQUEST)
            await reader.readexactly(len(cause.data) + len(cause.slowly))
        assert clock.elapsed == pytest.approx(len(cause.slowly) / 10)


async def test_a_slow_head_comes_in_pieces() -> None:
    async with serving() as server:
        server.on.get("/x").fail(fault.drip_headers(10))
        assert (await read_to_the_end(server)).startswith(b"HTTP/1.1 200 OK")
        sent = [
            data for peer, data in server.connections[0].log.pieces if peer == "server"
        ]
        assert {len(data) for data in sent} == {1}


async def test_a_stalled_head_has_no_end() -> None:
    async with serving() as server:
        server.on.get("/x").fail(fault.stall_headers())
        received = await read_to_the_end(server)
        assert received.startswith(b"HTTP/1.1 200 OK\r\n")
        assert b"\r\n\r\n" not in received
        assert server.calls.one().outcome == fault.stall_headers()


async def test_a_huge_header_is_as_long_as_asked() -> None:
    async with serving() as server:
        server.on.get("/x").fail(fault.huge_header(100))
        assert b"X-Huge: " + b"x" * 100 + b"\r\n" in await read_to_the_end(server)


async def test_two_lengths_differ() -> None:
    async with serving() as server:
        server.on.get("/x").fail(fault.duplicate_length())
        lengths = re.findall(rb"Content-Length: (\d+)", await read_to_the_end(server))
        assert len(set(lengths)) == len(lengths) == 2


async def test_half_closed_means_that_the_server_still_reads() -> None:
    async with serving() as server:
        server.on.get("/x").fail(fault.half_close(4))
        async with connected(server) as (reader, writer):
            writer.write(REQUEST)
            assert (await reader.read()).endswith(b"\r\n\r\n0123")
            assert server.open_connections == 1
            writer.write(b"more")
        await server.wait_until(lambda s: s.open_connections == 0)
        assert server.connections[0].received == REQUEST + b"more"
        assert server.connections[0].closed_by == "client"


async def test_the_race_lets_the_first_request_win() -> None:
    async with serving() as server, connected(server) as (reader, writer):
        server.on.get("/x").fail(fault.keepalive_race())
        writer.write(REQUEST)
        head = await reader.readuntil(b"\r\n\r\n")
        assert b"Content-Length: 1024" in head
        assert b"close" not in head
        await reader.readexactly(1024)
        assert server.calls.one().outcome == fault.keepalive_race()
        assert server.open_connections == 1
        writer.write(REQUEST)
        assert await reader.read() == b""
        await server.wait_until(lambda s: s.open_connections == 0)
        assert server.connections[0].closed_by == "server"
        assert len(server.calls) == 1


async def test_a_race_that_the_client_does_not_run_is_its_own_end() -> None:
    async with serving() as server:
        server.on.get("/x").fail(fault.keepalive_race())
        await read_to_the_end(server)
        await server.wait_until(lambda s: s.open_connections == 0)
        assert server.connections[0].closed_by == "client"


async def test_a_redirect_loop_leads_to_the_same_route() -> None:
    async with serving() as server:
        server.on.get("/x").fail(fault.redirect_loop())
        received = await read_to_the_end(server)
        found = re.search(rb"Location: (\S+)", received)
        assert found is not None
        again = b"GET /x" + found[1] + b" HTTP/1.1\r\n\r\n"
        assert await read_to_the_end(server, again) == received


# --- the whole server ---


async def test_a_refused_server_is_back_after_the_block() -> None:
    async with serving() as server:
        server.on.get("/x").respond(200)
        async with server.outage(fault.refused()):
            with pytest.raises(ConnectionRefusedError):
                await read_to_the_end(server)
        assert b"200 OK" in await read_to_the_end(server)


@pytest.mark.parametrize("cause", [c for c in BEFORE if c.kind != "refused"])
async def test_a_fault_before_the_request_meets_new_connections(cause: Fault) -> None:
    async with serving() as server, connected(server) as (reader, _):
        await server.wait_until(lambda s: s.open_connections == 1)
        async with server.outage(cause):
            assert server.open_connections == 0
            with pytest.raises(ConnectionResetError):
                await reader.read()
            with pytest.raises(ConnectionResetError):
                await read_to_the_end(server)
            await server.wait_until(lambda s: s.open_connections == 0)
        assert [record.fault for record in server.connections] == [None, cause]
        assert server.connections[1].closed_by == "server"
        assert len(server.calls) == 0


async def test_a_client_that_leaves_before_its_request_has_left() -> None:
    async with serving() as server, server.outage(fault.reset_on_request()):
        async with connected(server):
            await server.wait_until(lambda s: s.open_connections == 1)
        await server.wait_until(lambda s: s.open_connections == 0)
        assert server.connections[0].closed_by == "client"


async def test_an_outage_can_be_for_the_first_ones_only() -> None:
    async with serving() as server:
        server.on.get("/x").respond(200)
        async with server.outage(fault.close(), times=2):
            answers = [await read_to_the_end(server) for _ in range(3)]
        assert [bool(answer) for answer in answers] == [False, False, True]
        async with server.outage(fault.reset_on_accept(), times=1):
            with pytest.raises(ConnectionResetError):
                await read_to_the_end(server)
            assert b"200 OK" in await read_to_the_end(server)


async def test_an_outage_that_cannot_be_is_refused() -> None:
    async with serving(strict="lenient") as server:
        for cause, message in (
            (fault.close(), "takes no"),
            (BEFORE[1], "meets nobody"),
        ):
            with pytest.raises(ValueError, match=message):
                async with server.outage(cause, times=0):
                    pass
        with pytest.raises(ValueError, match="reset_on_accept"):
            async with server.outage(fault.refused(), times=1):
                pass
        with pytest.raises(ValueError, match="run\\(tls=True\\)"):
            async with server.outage(fault.tls("expired")):
                pass
        for cause in (fault.close(), fault.reset_on_accept()):
            async with server.outage(cause):
                with pytest.raises(RuntimeError, match="has an outage already"):
                    async with server.outage(cause):
                        pass
        assert b"501" in await read_to_the_end(server)


async def test_an_outage_can_be_a_reply() -> None:
    async with serving() as server:
        route = server.on.get("/x").respond(200)
        async with server.outage(Reply(503)):
            assert b" 503 " in await read_to_the_end(server)
        route.assert_called(times=0)
        assert b" 200 " in await read_to_the_end(server)


@pytest.mark.parametrize("cause", BEFORE)
def test_a_route_cannot_fail_before_there_is_a_request(cause: Fault) -> None:
    with pytest.raises(ValueError, match="server.outage"):
        FaultServer().on.get("/x").fail(cause)


async def test_an_outage_ends_with_its_block_however_that_ends() -> None:
    async def block() -> None:
        async with server.outage(fault.refused()):
            raise ZeroDivisionError

    async with serving() as server:
        server.on.get("/x").respond(200)
        with pytest.raises(ZeroDivisionError):
            await block()
        assert b"200 OK" in await read_to_the_end(server)


async def test_two_hundred_clients_with_any_faults_leave_nothing_behind() -> None:
    seeded = random.Random(20)
    causes = [seeded.choice(ROUTABLE) for _ in range(200)]
    patience = [seeded.choice((0.0, 0.1, 1.0, 1000.0)) for _ in causes]

    async def visit(number: int) -> None:
        with suppress(OSError, TimeoutError):
            async with connected(server) as (reader, writer):
                writer.write(f"GET /{number} HTTP/1.1\r\n\r\n".encode())
                async with asyncio.timeout(patience[number]):
                    await reader.read()

    async with serving(strict="unmatched_only") as server:
        before = asyncio.all_tasks()
        for number, cause in enumerate(causes):
            server.on.get(f"/{number}").fail(cause)
        async with asyncio.TaskGroup() as group:
            for number in range(200):
                group.create_task(visit(number))
        await server.wait_until(lambda s: s.open_connections == 0)
        assert asyncio.all_tasks() == before
        assert len(server.connections) == 200
        assert all(record.closed_by for record in server.connections)
        assert all(call.outcome is not None for call in server.calls)
    gc.collect()  # a socket that was not closed would warn here
