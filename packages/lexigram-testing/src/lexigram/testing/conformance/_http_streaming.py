"""Three doors to the behaviours of an HTTP client that streams."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from functools import cache
from typing import cast

from lexigram.contracts.web import StreamingHTTPClientProtocol
from lexigram.testing._server.server import FaultServer
from lexigram.testing.conformance._backend import (
    Backend,
    BackendFactory,
    StreamingClientFactory,
)
from lexigram.testing.conformance._behaviour import (
    Behaviour,
    Capability,
    behaviours_of,
    chosen,
)
from lexigram.testing.conformance._http import streamed_calls, streams
from lexigram.testing.conformance._http.opening import StreamBehaviour
from lexigram.testing.conformance._report import ConformanceReport
from lexigram.testing.conformance._suite import ConformanceSuite
from lexigram.testing.conformance._trying import report_on

__all__ = [
    "HTTPStreamingConformance",
    "check_http_streaming",
    "http_streaming_behaviours",
]


def http_streaming_behaviours(
    *, version: str, capabilities: Collection[Capability] | None = None
) -> Sequence[StreamBehaviour]:
    """Return what every `StreamingHTTPClientProtocol` does, for a parametrized test.

    Check one by `await behaviour.check(factory, backend)`, within `virtual_time()`:
    some let hours pass. A backend serves one behaviour.

    Args:
        version: The version of lexigram-contracts that is implemented.
        capabilities: What the backend has. Left out: all, and a behaviour that needs
            what is not there is skipped.

    Raises:
        ValueError: The version is none, or a capability does not exist.

    Example:
        @pytest.mark.parametrize(
            "behaviour", http_streaming_behaviours(version="1.0"), ids=lambda b: b.id
        )
        async def test_my_client_streams(behaviour):
            async with virtual_time(), FaultServer.run() as server:
                await behaviour.check(lambda backend: MyClient(), server)
    """
    return chosen(_all(), version, capabilities)


async def check_http_streaming(
    factory: StreamingClientFactory,
    *,
    version: str,
    backend: BackendFactory = FaultServer.run,
    capabilities: Collection[Capability] | None = None,
    expected_failures: Mapping[str, str] | None = None,
) -> ConformanceReport:
    """Try every behaviour of a client that streams, with a new one and backend each.

    The running loop's time is virtual meanwhile.

    Args:
        factory: Opens the client; given the backend that it will call.
        version: The version of lexigram-contracts that it implements.
        backend: Opens what it will call: a server on a socket, or a fake to be tried
            itself.
        capabilities: As for `http_streaming_behaviours`.
        expected_failures: Behaviours that are known to fail, each with the reason.

    Raises:
        ConformanceError: One failed, or passed against expectation; lists them all.
        ValueError: An expected failure has no reason or is of no behaviour.

    Example:
        >>> async def main() -> None:
        ...     report = await check_http_streaming(
        ...         lambda backend: HTTPClient(), version="1.0"
        ...     )
        ...     print(report.render())
    """

    async def attempt(behaviour: StreamBehaviour) -> None:
        async with backend() as opened:
            await behaviour.check(factory, opened)

    return await report_on(
        "StreamingHTTPClientProtocol",
        http_streaming_behaviours(version=version, capabilities=capabilities),
        attempt,
        version=version,
        expected_failures=expected_failures,
        known=[behaviour.id for behaviour in _all()],
    )


class HTTPStreamingConformance(ConformanceSuite, abstract=True):
    """Tests of an implementation of `StreamingHTTPClientProtocol`.

    Example:
        class TestMyClient(HTTPStreamingConformance):
            version = "1.0"
            expected_failures = {"STREAM-023": "redirects are not followed yet"}

            def make_client(self, backend):
                return MyClient()
    """

    @abstractmethod
    def make_client(
        self, backend: Backend
    ) -> AbstractAsyncContextManager[StreamingHTTPClientProtocol]:
        """Return the client to be tried, as a context manager that opens it."""
        raise NotImplementedError

    def make_backend(self) -> AbstractAsyncContextManager[Backend]:
        """Return what it will call: a `FaultServer`, unless overridden."""
        return FaultServer.run()

    @classmethod
    def behaviours(cls) -> Sequence[Behaviour[...]]:
        """Return every behaviour of an HTTP client that streams."""
        return _all()

    async def _attempt(self, behaviour: Behaviour[...]) -> None:
        async with self.make_backend() as backend:
            await behaviour.check(self.make_client, backend)


@cache
def _all() -> tuple[StreamBehaviour, ...]:
    groups = (streams, streamed_calls)
    return tuple(cast("StreamBehaviour", found) for found in behaviours_of(*groups))
