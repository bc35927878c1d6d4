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


class AsItComes:
    version = "1.0"

    def make_client(self, backend: Backend) -> HTTPClient:
        return HTTPClient()


class WithoutKeepAlive:
    version = "1.0"

    def make_client(self, backend: Backend) -> HTTPClient:
        pool = ConnectionPoolConfig(force_close=True)
        return HTTPClient(HTTPClientConfig(pool=pool, cookie_jar=False))


class OverTLS:
    version = "1.0"

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


class TestHTTPClient(AsItComes, HTTPClientConformance):
    pass


class TestHTTPClientWithoutKeepAlive(WithoutKeepAlive, HTTPClientConformance):
    pass


class TestHTTPClientOverTLS(OverTLS, HTTPClientConformance):
    pass


@pytest.mark.usefixtures("untried_release")
class TestHTTPClientThroughSession(AsItComes, HTTPClientConformance):
    pass


class TestHTTPClientStreams(AsItComes, HTTPStreamingConformance):
    pass


class TestHTTPClientStreamsWithoutKeepAlive(WithoutKeepAlive, HTTPStreamingConformance):
    pass


class TestHTTPClientStreamsOverTLS(OverTLS, HTTPStreamingConformance):
    pass


@pytest.mark.usefixtures("untried_release")
class TestHTTPClientStreamsThroughSession(AsItComes, HTTPStreamingConformance):
    pass


class TestBuiltinRetry(RetryPolicyConformance):
    version = "1.0"
    expected_failures: ClassVar[Mapping[str, str]] = {
        "RETRY-006": "it hands back the last outcome, as its docstring promises",
    }

    def make_retry_policy(self, clock: ClockProtocol) -> BuiltinRetry:
        return BuiltinRetry(clock, Random(1))
