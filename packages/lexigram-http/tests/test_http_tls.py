"""Whom a client trusts, how it proves who it is, and what it says when that fails."""

import asyncio
import hashlib
import logging
import socket
import ssl
import sys
import threading
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import trustme
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)
from pydantic import SecretStr, ValidationError

from lexigram.contracts.web import HTTPClientError, HTTPConnectionError
from lexigram.http import HTTPClient, HTTPClientConfig
from lexigram.http.tls import TLSConfig, TLSConfigError, prepare
from lexigram.testing import FaultServer, fault

IN_2001 = datetime(2001, 1, 1, tzinfo=UTC)
IN_2100 = datetime(2100, 1, 1, tzinfo=UTC)
IN_2101 = datetime(2101, 1, 1, tzinfo=UTC)

DANGER = "anyone may read and change what is sent"


def client_with(**tls: Any) -> HTTPClient:
    return HTTPClient(HTTPClientConfig.model_validate({"tls": tls}))


async def failure_of(client: HTTPClient, url: str) -> HTTPConnectionError:
    """Return why the call failed, which must be TLS, before anything was sent."""
    async with client, asyncio.timeout(10):
        error: HTTPClientError = (await client.get(url)).unwrap_err()
    assert isinstance(error, HTTPConnectionError)
    assert (error.failure, error.request_sent) == ("tls", "no")
    return error


@asynccontextmanager
async def serving(context: ssl.SSLContext) -> AsyncGenerator[str, None]:
    """Answer every request with the common name of the client's certificate, if any."""

    async def answer(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        try:
            while await reader.readuntil(b"\r\n\r\n"):
                shown = writer.get_extra_info("peercert") or {}
                text = str(shown.get("subjectAltName", "nobody")).encode()
                head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(text)}\r\n\r\n"
                writer.write(head.encode() + text)
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=context)
    async with server:
        yield f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/"


@asynccontextmanager
async def refusing(context: ssl.SSLContext) -> AsyncGenerator[str, None]:
    """Fail one handshake and say why, which a server of asyncio does not."""

    def refuse() -> None:
        connection, _ = listener.accept()
        secure = context.wrap_socket(
            connection, server_side=True, do_handshake_on_connect=False
        )
        with suppress(ssl.SSLError):
            secure.do_handshake()
        with socket.socket(fileno=secure.detach()) as plain:
            plain.shutdown(socket.SHUT_WR)
            while plain.recv(65536):
                pass  # A close with something unread would overtake the reason.

    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(10)
        refused = asyncio.create_task(asyncio.to_thread(refuse))
        yield f"https://127.0.0.1:{listener.getsockname()[1]}/"
        await refused


def server_context(
    leaf: trustme.LeafCert, *, clients: trustme.CA | None = None
) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    leaf.configure_cert(context)
    if clients is not None:
        context.verify_mode = ssl.CERT_REQUIRED
        clients.configure_trust(context)
    return context


def pem_of(authority: trustme.CA) -> str:
    return authority.cert_pem.bytes().decode()


def digest_of(leaf: trustme.LeafCert) -> str:
    pem = leaf.cert_chain_pems[0].bytes().decode()
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).hexdigest()


@pytest.mark.parametrize("trust", ["default", "only_extra"])
@pytest.mark.parametrize("source", ["ca_file", "ca_data"])
async def test_an_authority_of_your_own_is_trusted(
    trust: str, source: str, tmp_path: Path
) -> None:
    async with FaultServer.run(tls=True) as server:
        server.on.get("/").respond(text="trusted")
        value = server.ca_pem.decode()
        if source == "ca_file":
            (tmp_path / "ca.pem").write_text(value)
            value = str(tmp_path / "ca.pem")
        async with client_with(trust=trust, **{source: value}) as client:
            response = (await client.get(f"{server.base_url}/")).unwrap()
    assert response.text == "trusted"


async def test_an_authority_is_added_to_the_default_ones_or_stands_alone() -> None:
    pem = pem_of(trustme.CA())
    added = (await prepare(TLSConfig(ca_data=pem))).context
    alone = (await prepare(TLSConfig(ca_data=pem, trust="only_extra"))).context
    assert isinstance(added, ssl.SSLContext)
    assert isinstance(alone, ssl.SSLContext)
    defaults = ssl.create_default_context().cert_store_stats()["x509_ca"]
    assert added.cert_store_stats()["x509_ca"] == defaults + 1
    assert alone.cert_store_stats()["x509_ca"] == 1
    for context in (added, alone):
        assert context.verify_mode is ssl.CERT_REQUIRED
        assert context.check_hostname
        assert context.minimum_version is ssl.TLSVersion.TLSv1_2
    assert alone.verify_flags == ssl.create_default_context().verify_flags


@pytest.mark.parametrize(
    ("kind", "expected", "words"),
    [
        ("expired", "expired", "has expired"),
        ("wrong_host", "wrong_host", "another host"),
        ("untrusted", "unknown_issuer", "tls.ca_file"),
    ],
)
async def test_what_is_wrong_with_a_certificate_is_told_apart(
    kind: Any, expected: str, words: str
) -> None:
    async with FaultServer.run(tls=kind) as server:
        client = client_with(ca_data=server.ca_pem.decode())
        error = await failure_of(client, f"{server.base_url}/")
        assert len(server.calls) == 0
    assert error.reason == expected
    assert words in str(error)
    assert not error.retryable
    assert error.attempts == 1


async def test_a_certificate_that_is_not_valid_yet_points_at_the_clock() -> None:
    authority = trustme.CA()
    leaf = authority.issue_cert("127.0.0.1", not_before=IN_2100, not_after=IN_2101)
    async with serving(server_context(leaf)) as url:
        error = await failure_of(client_with(ca_data=pem_of(authority)), url)
    assert error.reason == "not_yet_valid"
    assert "clock" in str(error)


async def test_a_server_that_speaks_no_tls_is_told_apart() -> None:
    async with (
        FaultServer.run(tls=True) as server,
        server.outage(fault.tls("plaintext")),
    ):
        client = client_with(ca_data=server.ca_pem.decode())
        error = await failure_of(client, f"{server.base_url}/")
    assert error.reason == "not_tls"
    assert "does not speak TLS" in str(error)


async def test_a_server_that_is_too_old_is_told_apart() -> None:
    authority = trustme.CA()
    context = server_context(authority.issue_cert("127.0.0.1"))
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    async with (
        serving(context) as url,
        client_with(ca_data=pem_of(authority)) as client,
    ):
        assert await client.get(url)
    async with refusing(context) as url:
        # As YAML reads it.
        client = client_with(ca_data=pem_of(authority), minimum_version=1.3)
        error = await failure_of(client, url)
    assert error.reason == "version"
    assert "tls.minimum_version" in str(error)


@pytest.fixture
def mine(tmp_path: Path) -> dict[str, Path]:
    """The certificate of a client in its three usual forms."""
    authority = trustme.CA()
    leaf = authority.issue_cert("client.test")
    files = {
        name: tmp_path / f"{name}.pem"
        for name in ("cert", "key", "both", "secret", "ca")
    }
    leaf.cert_chain_pems[0].write_to_path(files["cert"])
    leaf.private_key_pem.write_to_path(files["key"])
    leaf.private_key_and_cert_chain_pem.write_to_path(files["both"])
    authority.cert_pem.write_to_path(files["ca"])
    key = load_pem_private_key(leaf.private_key_pem.bytes(), None)
    files["secret"].write_bytes(
        key.private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"open sesame")
        )
    )
    return files


@pytest.mark.parametrize(
    ("cert", "key", "password"),
    [
        ("both", None, None),
        ("cert", "key", None),
        ("cert", "secret", "open sesame"),
    ],
)
async def test_a_client_certificate_is_shown_to_the_server(
    mine: dict[str, Path], cert: str, key: str | None, password: str | None
) -> None:
    authority = trustme.CA()
    context = server_context(authority.issue_cert("127.0.0.1"))
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(mine["ca"])
    tls = {
        "ca_data": pem_of(authority),
        "client_cert_file": mine[cert],
        "client_key_file": mine[key] if key else None,
        "client_key_password": password,
    }
    async with serving(context) as url, client_with(**tls) as client:
        assert "client.test" in (await client.get(url)).unwrap().text


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        # Older versions have no word for it.
        (ssl.TLSVersion.TLSv1_2, "refused"),
        (ssl.TLSVersion.TLSv1_3, "client_certificate"),
    ],
)
async def test_a_server_that_wants_a_client_certificate_says_so(
    version: ssl.TLSVersion, expected: str
) -> None:
    authority = trustme.CA()
    leaf = authority.issue_cert("127.0.0.1")
    context = server_context(leaf, clients=authority)
    context.minimum_version = context.maximum_version = version
    async with refusing(context) as url:
        client = client_with(ca_data=pem_of(authority))
        async with client, asyncio.timeout(10):
            error = (await client.get(url, retry=False)).unwrap_err()
    assert isinstance(error, HTTPConnectionError)
    assert error.failure == "tls"
    assert error.reason == expected
    assert "tls.client_cert_file" in str(error)
    assert not error.retryable


async def test_any_of_several_pins_lets_a_server_pass() -> None:
    authority = trustme.CA()
    leaf = authority.issue_cert("127.0.0.1")
    digest = digest_of(leaf)
    printed = ":".join(digest[i : i + 2] for i in range(0, 64, 2)).upper()
    async with serving(server_context(leaf)) as url:
        for pin in (digest, printed, f"sha256:{digest}"):
            tls = {"ca_data": pem_of(authority), "pins": ["0" * 64, pin]}
            async with client_with(**tls) as client:
                assert (await client.get(url)).unwrap().text == "nobody"


async def test_a_certificate_that_is_not_pinned_gets_no_request() -> None:
    async with FaultServer.run(tls=True) as server:
        client = client_with(ca_data=server.ca_pem.decode(), pins=["0" * 64])
        error = await failure_of(client, f"{server.base_url}/")
        await server.wait_until(lambda s: s.open_connections == 0)
        assert len(server.calls) == 0
    assert error.__cause__ is not None
    assert error.reason == "pin_mismatch"
    assert "tls.pins" in str(error)
    assert not error.retryable


async def test_a_pinned_certificate_still_has_to_be_valid() -> None:
    leaf = trustme.CA().issue_cert("127.0.0.1")
    async with serving(server_context(leaf)) as url:
        error = await failure_of(client_with(pins=[digest_of(leaf)]), url)
    assert error.reason == "unknown_issuer"


async def test_switching_verification_off_takes_a_sentence_and_leaves_a_warning(
    caplog: pytest.LogCaptureFixture,
) -> None:
    leaf = trustme.CA().issue_cert("other.test", not_before=IN_2001, not_after=IN_2001)
    async with serving(server_context(leaf)) as url:
        with caplog.at_level(logging.WARNING, "lexigram.http.client"):
            client = client_with(danger_accept_invalid_certificates=DANGER)
            async with client:
                await client.start()
                for _ in range(2):
                    assert (await client.get(url)).unwrap().text == "nobody"
        warned = [record.message for record in caplog.records]
        assert warned == ["http.client.certificates_not_verified"]
        pinned = client_with(danger_accept_invalid_certificates=DANGER, pins=["0" * 64])
        assert (await failure_of(pinned, url)).reason == "pin_mismatch"


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"danger_accept_invalid_certificates": True}, "anyone may read"),
        ({"verify": False}, "verify"),
        ({"trust": "only_extra"}, "nobody to trust"),
        ({"client_key_file": "key.pem"}, "client_cert_file"),
        ({"client_key_password": "s3cret"}, "client_cert_file"),
        ({"pins": ["abc"]}, "openssl x509"),
        ({"pins": ["é" * 64]}, "openssl x509"),
        ({"pins": ["00 " * 32]}, "openssl x509"),
        ({"minimum_version": "1.1"}, "1.2"),
    ],
)
def test_a_section_that_makes_no_sense_is_refused(
    values: dict[str, Any], words: str
) -> None:
    with pytest.raises(ValidationError) as caught:
        HTTPClientConfig.model_validate({"tls": values})
    assert words in str(caught.value)
    assert "s3cret" not in str(caught.value)


def test_the_password_of_a_key_shows_nowhere() -> None:
    config = TLSConfig(
        client_cert_file=Path("c.pem"), client_key_password=SecretStr("s3cret")
    )
    assert "s3cret" not in repr(config) + str(config.model_dump())
    assert "s3cret" not in config.model_dump_json()


async def unusable(**tls: Any) -> str:
    """Return what the start of a client says, without asking on a terminal."""
    client = client_with(**tls)
    with pytest.raises(TLSConfigError) as caught:
        await client.start()
    await client.stop()
    return str(caught.value)


@pytest.mark.parametrize("name", ["ca_file", "client_cert_file"])
async def test_a_file_that_cannot_be_read_is_named_at_the_start(
    name: str, tmp_path: Path
) -> None:
    missing = tmp_path / "missing.pem"
    for path in (missing, tmp_path):
        message = await unusable(**{name: path})
        assert f"`tls.{name}` {str(path)!r} cannot be read" in message


async def test_files_with_something_else_in_them_are_named_at_the_start(
    tmp_path: Path, mine: dict[str, Path]
) -> None:
    junk = tmp_path / "junk.pem"
    junk.write_text("no certificate")
    assert f"`tls.ca_file` {str(junk)!r} holds no certificates" in await unusable(
        ca_file=junk
    )
    for text in ("no certificate", "é", ""):
        assert "`tls.ca_data` holds no certificates" in await unusable(ca_data=text)
    message = await unusable(client_cert_file=junk)
    assert f"The client certificate {str(junk)!r} cannot be used" in message
    key_alone = await unusable(client_cert_file=mine["cert"], client_key_file=junk)
    assert f"{str(mine['cert'])!r} with {str(junk)!r} cannot be used" in key_alone
    absent = await unusable(client_cert_file=mine["cert"], client_key_file=tmp_path)
    assert "`tls.client_key_file`" in absent


@pytest.mark.parametrize("password", [None, "wrong", "x" * 2000])
async def test_an_encrypted_key_is_never_asked_for_on_the_terminal(
    mine: dict[str, Path], password: str | None
) -> None:
    message = await unusable(
        client_cert_file=mine["cert"],
        client_key_file=mine["secret"],
        client_key_password=password,
    )
    assert "The key is encrypted: check `tls.client_key_password`." in message
    assert "xxx" not in message


async def test_a_context_is_made_once_and_beside_the_loop(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    threads: list[threading.Thread] = []
    create = ssl.create_default_context

    def recorded(*args: Any, **options: Any) -> ssl.SSLContext:
        threads.append(threading.current_thread())
        return create(*args, **options)

    monkeypatch.setattr(ssl, "create_default_context", recorded)
    async with HTTPClient():
        assert not threads, "the default one is there already"
    async with FaultServer.run(tls=True) as server:
        server.on.get("/").respond()
        async with client_with(ca_data=server.ca_pem.decode()) as client:
            for _ in range(3):
                assert await client.get(f"{server.base_url}/")
    assert len(threads) == 1
    assert threads[0] is not threading.main_thread()


async def test_tasks_that_start_a_client_together_open_one_pool() -> None:
    async with FaultServer.run(tls=True) as server:
        server.on.get("/").respond()
        client = client_with(ca_data=server.ca_pem.decode())
        # A pool that nobody closes is a warning, which fails the test.
        await asyncio.gather(client.start(), client.start(), client.start())
        assert await client.get(f"{server.base_url}/")
        await client.stop()
        await server.wait_until(lambda s: s.open_connections == 0)


async def test_the_system_s_authorities_without_their_library_name_the_extra(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "truststore", None)
    with pytest.raises(ModuleNotFoundError, match=r"lexigram-http\[truststore\]"):
        await client_with(trust="system").start()


async def test_the_system_s_authorities_are_asked_through_truststore() -> None:
    pytest.importorskip("truststore", reason="truststore is not installed.")
    async with FaultServer.run(tls=True) as server:
        server.on.get("/").respond(text="trusted")
        error = await failure_of(client_with(trust="system"), f"{server.base_url}/")
        assert error.reason == "unknown_issuer"
        tls = {"trust": "system", "ca_data": server.ca_pem.decode()}
        async with client_with(**tls) as client:
            assert (await client.get(f"{server.base_url}/")).unwrap().text == "trusted"
        pinned = client_with(**tls, pins=["0" * 64])
        assert (
            await failure_of(pinned, f"{server.base_url}/")
        ).reason == "pin_mismatch"
