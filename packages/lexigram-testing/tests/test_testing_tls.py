"""The fault server over TLS, seen from the standard library's clients."""

import asyncio
import gc
import ssl
import subprocess
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from typing import Any, get_args

import pytest

from lexigram.testing import Fault, FaultServer, Reply, fault, virtual_time
from lexigram.testing._answers.faults import TLSFault

KINDS = get_args(TLSFault)
CERTIFICATES = ["untrusted", "wrong_host", "expired"]
REASONS = {
    "untrusted": "unable to get local issuer certificate",
    "wrong_host": "certificate is not valid for",
    "expired": "certificate has expired",
}


@asynccontextmanager
async def connected(
    server: FaultServer, context: ssl.SSLContext | None = None, name: str | None = None
) -> AsyncGenerator[tuple[asyncio.StreamReader, asyncio.StreamWriter], None]:
    reader, writer = await asyncio.open_connection(
        server.host,
        server.port,
        ssl=context or server.trust(),
        server_hostname=name or server.host,
    )
    try:
        yield reader, writer
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


async def ask(server: FaultServer, **options: Any) -> bytes:
    async with connected(server, **options) as (reader, writer):
        writer.write(b"GET /x HTTP/1.1\r\nConnection: close\r\n\r\n")
        return await reader.read()


async def test_a_client_that_trusts_the_authority_is_served() -> None:
    async with FaultServer.run(tls=True) as server:
        route = server.on.get("/x").respond(text="secret")
        assert (await ask(server)).endswith(b"\r\n\r\nsecret")
        assert server.base_url == f"https://127.0.0.1:{server.port}"
        assert route.calls.one().request.url == f"{server.base_url}/x"


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "::1"])
async def test_the_certificate_is_for_every_name_of_this_machine(name: str) -> None:
    async with FaultServer.run(tls=True) as server:
        server.on.get("/x").respond()
        assert await ask(server, name=name)


async def test_a_connection_over_tls_is_used_again() -> None:
    async with (
        FaultServer.run(tls=True) as server,
        connected(server) as (reader, writer),
    ):
        server.on.get("/x").respond(Reply(chunks=[b"a", b"b"]))
        for _ in range(3):
            writer.write(b"GET /x HTTP/1.1\r\n\r\n")
            await reader.readuntil(b"\r\n0\r\n\r\n")
        assert [record.reuses for record in server.connections] == [2]


async def test_a_body_of_many_records_arrives_whole() -> None:
    body = bytes(range(256)) * 10_000
    async with FaultServer.run(tls=True) as server:
        server.on.get("/x").respond(body=body)
        assert (await ask(server)).partition(b"\r\n\r\n")[2] == body


async def test_a_request_of_many_records_arrives_whole() -> None:
    body = bytes(range(256)) * 10_000
    async with (
        FaultServer.run(tls=True) as server,
        connected(server) as (reader, writer),
    ):
        server.on.post("/x", body=body).respond(201)
        head = f"POST /x HTTP/1.1\r\nContent-Length: {len(body)}\r\n\r\n"
        writer.write(head.encode() + body)
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 201")


async def test_the_record_tells_what_was_agreed_on() -> None:
    async with FaultServer.run(tls=True) as server:
        server.on.get("/x").respond()
        context = server.trust()
        context.set_alpn_protocols(["h2", "http/1.1"])
        await ask(server, context=context, name="localhost")
        info = server.connections[0].tls
        assert info is not None
        assert info.version.startswith("TLSv1.")
        assert info.cipher
        assert (info.alpn, info.server_name, info.failure) == (
            "http/1.1",
            "localhost",
            "",
        )
        await ask(server)
        again = server.connections[1].tls
        assert again is not None
        assert (again.alpn, again.server_name) == (None, None)


async def test_trust_adds_the_authority_to_a_context() -> None:
    async with FaultServer.run(tls=True) as one, FaultServer.run(tls=True) as two:
        one.on.get("/x").respond()
        two.on.get("/x").respond()
        context = one.trust()
        with pytest.raises(ssl.SSLCertVerificationError):
            await ask(two, context=context)
        assert two.trust(context) is context
        assert await ask(one, context=context)
        assert await ask(two, context=context)


async def test_the_authority_can_be_written_to_a_file() -> None:
    async with FaultServer.run(tls=True) as server:
        assert server.ca_pem.startswith(b"-----BEGIN CERTIFICATE-----")
        assert b"PRIVATE" not in server.ca_pem


@pytest.mark.parametrize("kind", CERTIFICATES)
async def test_a_bad_certificate_is_refused_by_who_verifies(kind: Any) -> None:
    async with FaultServer.run(tls=kind, strict="lenient") as server:
        server.on.get("/x").respond()
        with pytest.raises(ssl.SSLCertVerificationError, match=REASONS[kind]):
            await ask(server)
        await server.wait_until(lambda s: s.open_connections == 0)
        (record,) = server.connections
        assert record.closed_by == "client"
        assert record.tls is not None
        assert record.tls.failure
        assert record.requests == []


@pytest.mark.parametrize("kind", CERTIFICATES)
async def test_who_does_not_verify_is_served_with_any_certificate(kind: Any) -> None:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    async with FaultServer.run(tls=kind) as server:
        server.on.get("/x").respond(text="served")
        assert (await ask(server, context=context)).endswith(b"served")


@pytest.mark.parametrize("kind", KINDS)
async def test_the_handshake_is_good_again_after_the_outage(kind: TLSFault) -> None:
    async with virtual_time(), FaultServer.run(tls=True) as server:
        server.on.get("/x").respond(text="well")
        async with server.outage(fault.tls(kind)):
            with pytest.raises((OSError, TimeoutError)):
                async with asyncio.timeout(1000):
                    await ask(server)
            await server.wait_until(lambda s: s.open_connections == 0)
        assert server.connections[0].fault == fault.tls(kind)
        assert server.connections[0].requests == []
        assert (await ask(server)).endswith(b"well")


async def test_a_handshake_that_hangs_lasts_as_long_as_the_client() -> None:
    async with virtual_time() as clock, FaultServer.run(tls=True) as server:
        async with server.outage(fault.tls("hang")):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(50):
                    await ask(server)
            assert clock.elapsed == 50
            await server.wait_until(lambda s: s.open_connections == 0)
        assert server.connections[0].closed_by == "client"


async def test_plain_text_is_no_handshake() -> None:
    async with (
        FaultServer.run(tls=True) as server,
        server.outage(fault.tls("plaintext")),
    ):
        with pytest.raises(ssl.SSLError, match="WRONG_VERSION_NUMBER"):
            await ask(server)


@pytest.mark.parametrize(
    "cause", [fault.reset(), fault.reset(5), fault.reset_on_request()]
)
async def test_a_reset_within_tls_is_a_reset(cause: Fault) -> None:
    async with FaultServer.run(tls=True) as server, server.outage(cause):
        with pytest.raises(ConnectionResetError):
            await ask(server)


async def test_half_closed_within_tls_ends_the_response() -> None:
    async with FaultServer.run(tls=True) as server:
        async with server.outage(fault.half_close(5)):
            assert (await ask(server)).endswith(b"\r\n\r\n01234")
        await server.wait_until(lambda s: s.open_connections == 0)


async def test_a_client_that_never_shakes_hands_does_not_hold_up_the_end() -> None:
    before = asyncio.all_tasks()
    async with FaultServer.run(tls=True) as server:
        _, silent = await asyncio.open_connection(server.host, server.port)
        _, rude = await asyncio.open_connection(server.host, server.port)
        rude.write(b"GET / HTTP/1.1\r\n\r\n")
        await server.wait_until(lambda s: len(s.connections) == 2)
        await server.wait_until(lambda s: s.open_connections == 1)
        info = server.connections[1].tls
        assert info is not None
        assert info.failure == "HTTP_REQUEST"
        for writer in (silent, rude):
            writer.close()
    assert asyncio.all_tasks() == before
    gc.collect()  # a socket that was not closed would warn here


async def test_the_end_closes_connections_in_the_middle_of_anything() -> None:
    async with FaultServer.run(tls=True) as server:
        server.on.get("/x").fail(fault.hang(5))
        async with connected(server) as (reader, writer), connected(server):
            writer.write(b"GET /x HTTP/1.1\r\n\r\n")
            await reader.readuntil(b"01234")
            await server.down()
            assert server.open_connections == 0
            with pytest.raises(ConnectionResetError):
                await reader.read()
    gc.collect()


def test_a_server_without_tls_has_no_authority() -> None:
    server = FaultServer()
    with pytest.raises(RuntimeError, match="run\\(tls=True\\)"):
        _ = server.ca_pem
    with pytest.raises(RuntimeError, match="run\\(tls=True\\)"):
        server.trust()


def test_a_kind_of_certificate_that_does_not_exist_is_refused() -> None:
    kind: Any = "selfsigned"
    with pytest.raises(ValueError, match="'trusted', 'untrusted'"):
        FaultServer.run(tls=kind)


def test_without_the_extra_the_message_says_what_to_install() -> None:
    code = (
        "import sys\n"
        "sys.modules['trustme'] = None\n"
        "from lexigram.testing import FaultServer\n"
        "FaultServer.run()\n"
        "try:\n"
        "    FaultServer.run(tls=True)\n"
        "except ModuleNotFoundError as error:\n"
        "    assert 'pip install \"lexigram-testing[tls]\"' in str(error)\n"
        "else:\n"
        "    raise AssertionError\n"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)
