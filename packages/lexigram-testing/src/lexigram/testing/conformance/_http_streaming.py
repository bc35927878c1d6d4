"""Three doors to the behaviours of an HTTP client that streams."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Final

from lexigram.contracts.web import StreamingHTTPClientProtocol
from lexigram.testing._server.server import FaultServer
from lexigram.testing.conformance._backend import (
    Backend,
    BackendFactory,
    StreamingClientFactory,
)
from lexigram.testing.conformance._behaviour import Behaviour, Capability
from lexigram.testing.conformance._contract import Contract
from lexigram.testing.conformance._http import streamed_calls, streams
from lexigram.testing.conformance._http.opening import StreamBehaviour, check_on
from lexigram.testing.conformance._report import ConformanceReport
from lexigram.testing.conformance._suite import ConformanceSuite

__all__ = [
    "HTTPStreamingConformance",
    "check_http_streaming",
    "http_streaming_behaviours",
]

_CONTRACT: Final = Contract[[StreamingClientFactory, Backend]](
    "StreamingHTTPClientProtocol", streams, streamed_calls
)


def http_streaming_behaviours(
    *, version: str, capabilities: Collection[Capability] | None = None
) -> Sequence[StreamBehaviour]:
    """Return what every `StreamingHTTPClientProtocol` does, for a parametrized test.

    Check one by `await behaviour.check(factory, backend)`, within `virtual_time()`.
    Arguments and errors are as for `http_client_behaviours`.
    """
    return _CONTRACT.asked_by(version, capabilities)


async def check_http_streaming(
    factory: StreamingClientFactory,
    *,
    version: str,
    backend: BackendFactory = FaultServer.run,
    capabilities: Collection[Capability] | None = None,
    expected_failures: Mapping[str, str] | None = None,
) -> ConformanceReport:
    """Try every behaviour of a client that streams, with a new one and backend each.

    Time is virtual meanwhile; arguments and errors are as for `check_http_client`.
    """
    return await _CONTRACT.report(
        lambda behaviour: check_on(backend, behaviour, factory),
        version=version,
        capabilities=capabilities,
        expected_failures=expected_failures,
    )


class HTTPStreamingConformance(ConformanceSuite, abstract=True):
    """Tests of an implementation of `StreamingHTTPClientProtocol`.

    Example:
        ```python
        class TestMyClient(HTTPStreamingConformance):
            version = "1.0"
            expected_failures = {"STREAM-023": "redirects are not followed yet"}

            def make_client(self, backend):
                return MyClient()
        ```
    """

    _contract = _CONTRACT

    @abstractmethod
    def make_client(
        self, backend: Backend
    ) -> AbstractAsyncContextManager[StreamingHTTPClientProtocol]:
        """Return the client to be tried, as a context manager that opens it."""
        raise NotImplementedError

    def make_backend(self) -> AbstractAsyncContextManager[Backend]:
        """Return what it will call: a `FaultServer`, unless overridden."""
        return FaultServer.run()

    async def _attempt(self, behaviour: Behaviour[...]) -> None:
        await check_on(self.make_backend, behaviour, self.make_client)
