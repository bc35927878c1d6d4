"""The client and its retry do what their contracts say."""

from collections.abc import Mapping
from random import Random
from typing import ClassVar

import aiohttp
import pytest

from lexigram.contracts.clock import ClockProtocol
from lexigram.http import (
    ConnectionPoolConfig,
    HTTPClient,
    HTTPClientConfig,
    TLSConfig,
)
from lexigram.http.retry import BuiltinRetry
from lexigram.testing import FaultServer
from lexigram.testing.conformance import (
    Backend,
    HTTPClientConformance,
    HTTPStreamingConformance,
    RetryPolicyConformance,
)


class TestHTTPClient(HTTPClientConformance):
    version = "1.0"

    def make_client(self, backend: Backend) -> HTTPClient:
        return HTTPClient()


class TestHTTPClientWithoutKeepAlive(TestHTTPClient):
    def make_client(self, backend: Backend) -> HTTPClient:
        pool = ConnectionPoolConfig(force_close=True)
        return HTTPClient(HTTPClientConfig(pool=pool, cookie_jar=False))


class TestHTTPClientOverTLS(TestHTTPClient):
    def make_backend(self) -> FaultServer:
        return FaultServer.run(tls=True)

    def make_client(self, backend: Backend) -> HTTPClient:
        assert isinstance(backend, FaultServer)
        tls = TLSConfig(ca_data=backend.ca_pem.decode())
        return HTTPClient(HTTPClientConfig(tls=tls))


@pytest.fixture
def untried_release(monkeypatch: pytest.MonkeyPatch) -> None:
    """A release of aiohttp with which requests go through its own session."""
    monkeypatch.setattr(aiohttp, "__version__", "3.999.0")


@pytest.mark.usefixtures("untried_release")
class TestHTTPClientThroughSession(TestHTTPClient):
    pass


class TestHTTPClientStreams(HTTPStreamingConformance):
    version = "1.0"

    def make_client(self, backend: Backend) -> HTTPClient:
        return HTTPClient()


class TestHTTPClientStreamsWithoutKeepAlive(TestHTTPClientStreams):
    def make_client(self, backend: Backend) -> HTTPClient:
        pool = ConnectionPoolConfig(force_close=True)
        return HTTPClient(HTTPClientConfig(pool=pool, cookie_jar=False))


class TestHTTPClientStreamsOverTLS(TestHTTPClientStreams):
    def make_backend(self) -> FaultServer:
        return FaultServer.run(tls=True)

    def make_client(self, backend: Backend) -> HTTPClient:
        assert isinstance(backend, FaultServer)
        tls = TLSConfig(ca_data=backend.ca_pem.decode())
        return HTTPClient(HTTPClientConfig(tls=tls))


@pytest.mark.usefixtures("untried_release")
class TestHTTPClientStreamsThroughSession(TestHTTPClientStreams):
    pass


class TestBuiltinRetry(RetryPolicyConformance):
    version = "1.0"
    expected_failures: ClassVar[Mapping[str, str]] = {
        "RETRY-006": "it hands back the last outcome, as its docstring promises",
    }

    def make_retry_policy(self, clock: ClockProtocol) -> BuiltinRetry:
        return BuiltinRetry(clock, Random(1))
