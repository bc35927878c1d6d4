"""A store behind TLS: whose certificate is believed, and what is said of others."""

import logging
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lexigram.resilience import (
    RateLimiterConfig,
    SharedIdempotencyStore,
    SharedRateLimiter,
    SharedStore,
    StoreConfig,
    StoreError,
)

trustme = pytest.importorskip("trustme", reason="Certificates are made by trustme.")

SECRET = "s3cret-of-the-store"


class Authority:
    """Signs certificates, and has a file that says so."""

    def __init__(self, folder: Path, name: str) -> None:
        self._ca = trustme.CA(organization_name=name)
        self._folder, self._name = folder, name
        self.file = folder / f"{name}.pem"
        self._ca.cert_pem.write_to_path(str(self.file))

    def signs(self, host: str) -> tuple[str, ...]:
        """Return the options of a server that has a certificate for this host."""
        leaf = self._ca.issue_cert(host)
        certificate = self._folder / f"{self._name}-{host}.crt"
        key = self._folder / f"{self._name}-{host}.key"
        leaf.cert_chain_pems[0].write_to_path(str(certificate))
        leaf.private_key_pem.write_to_path(str(key))
        return (
            *("--tls-cert-file", str(certificate), "--tls-key-file", str(key)),
            *("--tls-ca-cert-file", str(self.file), "--tls-auth-clients", "no"),
        )


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path, "ours")


@pytest.fixture
def tls_server(new_server: Callable[[], Any]) -> Callable[..., Any]:
    """Starts a server that speaks TLS alone and wants a password."""

    def start(*options: str) -> Any:
        server = new_server()
        secure = ("--port", "0", "--tls-port", str(server.port))
        try:
            server.start(*secure, *options, "--requirepass", SECRET)
        except RuntimeError as error:
            if "tls-port" in str(error) or "TLS support" in str(error):
                pytest.skip("The redis-server or valkey-server here has no TLS.")
            raise
        return server

    return start


def store_of(server: Any, ca_file: Path | None, **options: Any) -> SharedStore:
    url = f"rediss://:{SECRET}@127.0.0.1:{server.port}/0"
    return SharedStore(
        StoreConfig(**{"url": url, "ca_file": ca_file, "timeout": 10.0} | options)
    )


async def test_what_processes_share_goes_through_tls(
    authority: Authority, tls_server: Callable[..., Any]
) -> None:
    server = tls_server(*authority.signs("127.0.0.1"))
    limit = RateLimiterConfig(permits=5, per=3600.0)
    async with store_of(server, authority.file) as one:
        await SharedRateLimiter(limit, store=one, name="tls").acquire("", cost=3)
        await SharedIdempotencyStore(one).claim("a", lease=3600.0)
    # With the password beside the URL, as a file of secrets has it.
    url = f"rediss://127.0.0.1:{server.port}/0"
    async with store_of(server, authority.file, url=url, password=SECRET) as other:
        claim = await SharedIdempotencyStore(other).claim("a", lease=3600.0)
        assert claim.state == "taken"
        limiter = SharedRateLimiter(limit, store=other, name="tls")
        await limiter.acquire("", cost=2)
        assert limiter.try_acquire("") > 0
        assert other.guard.trouble == ""


@pytest.mark.parametrize("believed", ["another", "the system's"])
async def test_a_certificate_of_somebody_unknown_is_refused(
    authority: Authority,
    tls_server: Callable[..., Any],
    tmp_path: Path,
    believed: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    server = tls_server(*authority.signs("127.0.0.1"))
    another = Authority(tmp_path, "theirs").file if believed == "another" else None
    async with store_of(server, another) as store:
        with pytest.raises(StoreError, match="certificate verify failed") as refused:
            await store.ping()
        for _ in range(2):
            with pytest.raises(StoreError):
                await store.ping()
        assert store.guard.is_lost
        shown = [repr(store), repr(store.config), store.guard.trouble, caplog.text]
    shown += traceback.format_exception(refused.value)
    shown += [str(record.__dict__) for record in caplog.records]
    assert SECRET not in "".join(shown)
    assert "certificate verify failed" in "".join(shown)


async def test_a_certificate_for_another_host_is_refused(
    authority: Authority, tls_server: Callable[..., Any]
) -> None:
    server = tls_server(*authority.signs("store.test"))
    async with store_of(server, authority.file) as store:
        with pytest.raises(StoreError, match="IP address mismatch"):
            await store.ping()


async def test_a_store_of_tls_is_not_asked_in_the_clear(
    authority: Authority, tls_server: Callable[..., Any]
) -> None:
    server = tls_server(*authority.signs("127.0.0.1"))
    url = f"redis://:{SECRET}@127.0.0.1:{server.port}/0"
    async with store_of(server, None, url=url) as store:
        with pytest.raises(StoreError):
            await store.ping()
