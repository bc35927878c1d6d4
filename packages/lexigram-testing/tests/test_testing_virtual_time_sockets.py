"""Real sockets and the kit's own doubles in virtual time."""

import asyncio
import socket

import pytest

from lexigram.contracts.web import HTTPTimeoutError
from lexigram.testing import FakeHTTPClient, FaultServer, fault, virtual_time

REQUEST = b"GET /v1 HTTP/1.1\r\nHost: a\r\n\r\n"


async def test_what_is_on_its_way_arrives_before_time_passes() -> None:
    """However much it is: more than the buffers hold, both ways at once."""
    size = 3_000_000

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(50_000):
            writer.write(data)
            await writer.drain()
        writer.close()

    async def talk(port: int) -> int:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"x" * size)
        writer.write_eof()
        received = await reader.read()
        writer.close()
        await writer.wait_closed()
        return len(received)

    async with virtual_time() as clock:
        server = await asyncio.start_server(echo, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        timer = asyncio.get_running_loop().call_later(0.001, int)
        async with asyncio.timeout(0.001):
            assert await asyncio.gather(*(talk(port) for _ in range(4))) == [size] * 4
        assert clock.elapsed == 0
        timer.cancel()
        server.close()


async def test_settling_includes_what_is_on_its_way() -> None:
    ours, theirs = socket.socketpair()
    received = bytearray()

    class Receiver(asyncio.Protocol):
        def data_received(self, data: bytes) -> None:
            received.extend(data)

    loop = asyncio.get_running_loop()
    async with virtual_time(autojump=False) as clock:
        reading, _ = await loop.create_connection(Receiver, sock=theirs)
        writing, _ = await loop.create_connection(asyncio.Protocol, sock=ours)
        assert isinstance(writing, asyncio.WriteTransport)
        writing.write(b"x" * 1_000_000)
        await clock.settle()
        assert len(received) == 1_000_000
        writing.close()
        reading.close()


async def test_a_delay_of_the_server_takes_virtual_time_and_is_no_back_off() -> None:
    async with virtual_time() as clock, FaultServer.run() as server:
        server.on.get("/v1").respond(delay=12.5)
        reader, writer = await asyncio.open_connection(server.host, server.port)
        writer.write(REQUEST)
        assert await reader.readline() == b"HTTP/1.1 200 OK\r\n"
        assert (clock.elapsed, clock.sleeps) == (12.5, [])
        writer.close()


async def test_a_body_drips_in_virtual_time() -> None:
    async with virtual_time() as clock, FaultServer.run() as server:
        server.on.get("/v1").fail(fault.drip(10, body=b"x" * 100))
        reader, writer = await asyncio.open_connection(server.host, server.port)
        writer.write(REQUEST)
        await reader.readuntil(b"\r\n\r\n")
        await reader.readexactly(100)
        assert 9 <= clock.elapsed <= 10
        writer.close()


async def test_a_server_that_hangs_meets_the_timeout_at_its_moment() -> None:
    async with virtual_time() as clock, FaultServer.run() as server:
        server.on.get("/v1").fail(fault.hang())
        reader, writer = await asyncio.open_connection(server.host, server.port)
        writer.write(REQUEST)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reader.readline(), 30)
        assert clock.elapsed == 30
        writer.close()


async def test_the_fake_keeps_its_delay_and_its_timeout() -> None:
    async with virtual_time() as clock, FakeHTTPClient() as client:
        client.on.get("/slow").respond(delay=60)
        client.on.get("/fast").respond(delay=2)
        await client.get("https://api.test/fast")
        assert clock.elapsed == 2
        late = await client.get("https://api.test/slow", timeout=30)
        assert isinstance(late.unwrap_err(), HTTPTimeoutError)
        assert (clock.elapsed, clock.sleeps) == (32, [])
