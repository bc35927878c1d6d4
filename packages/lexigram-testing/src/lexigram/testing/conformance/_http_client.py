"""Three doors to the behaviours of an HTTP client."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Final

from lexigram.contracts.web import HTTPClientProtocol
from lexigram.testing._server.server import FaultServer
from lexigram.testing.conformance._backend import Backend, BackendFactory, ClientFactory
from lexigram.testing.conformance._behaviour import Behaviour, Capability
from lexigram.testing.conformance._contract import Contract
from lexigram.testing.conformance._http import (
    failures,
    redirects,
    repeats,
    requests,
    responses,
    results,
    time,
)
from lexigram.testing.conformance._http.opening import HTTPBehaviour, check_on
from lexigram.testing.conformance._report import ConformanceReport
from lexigram.testing.conformance._suite import ConformanceSuite

__all__ = ["HTTPClientConformance", "check_http_client", "http_client_behaviours"]

_CONTRACT: Final = Contract[[ClientFactory, Backend]](
    "HTTPClientProtocol",
    results,
    requests,
    responses,
    failures,
    redirects,
    repeats,
    time,
)


def http_client_behaviours(
    *, version: str, capabilities: Collection[Capability] | None = None
) -> Sequence[HTTPBehaviour]:
    """Return what every `HTTPClientProtocol` does, for a parametrized test.

    Check one by `await behaviour.check(factory, backend)`, within `virtual_time()`:
    some let hours pass. A backend serves one behaviour.

    Args:
        version: The version of lexigram-contracts that is implemented.
        capabilities: What the backend has. Left out: all, and a behaviour that needs
            what is not there is skipped.

    Raises:
        ValueError: The version is none, or a capability does not exist.

    Example:
        ```python
        @pytest.mark.parametrize(
            "behaviour", http_client_behaviours(version="1.0"), ids=lambda b: b.id
        )
        async def test_a_client_conforms(behaviour):
            async with virtual_time(), FaultServer.run() as server:
                await behaviour.check(lambda backend: HTTPClient(), server)
        ```
    """
    return _CONTRACT.asked_by(version, capabilities)


async def check_http_client(
    factory: ClientFactory,
    *,
    version: str,
    backend: BackendFactory = FaultServer.run,
    capabilities: Collection[Capability] | None = None,
    expected_failures: Mapping[str, str] | None = None,
) -> ConformanceReport:
    """Try every behaviour of an HTTP client, each with a new client and backend.

    The running loop's time is virtual meanwhile.

    Args:
        factory: Opens the client; given the backend that it will call.
        version: The version of lexigram-contracts that it implements.
        backend: Opens what it will call: a server on a socket, or a fake to be tried
            itself.
        capabilities: As for `http_client_behaviours`.
        expected_failures: Behaviours that are known to fail, each with the reason.

    Raises:
        ConformanceError: One failed, or passed against expectation; lists them all.
        ValueError: The version is none, a capability does not exist, or an expected
            failure has no reason or is of no behaviour.

    Example:
        >>> report = await check_http_client(lambda backend: HTTPClient(), version="1.0")
        >>> print(report.render())
        HTTPClientProtocol 1.0: ... passed, 1 skipped
        skipped           HTTP-087 A redirect from https to http is `Err(HTTPRedirectError)`.
            The backend has no tls.
    """
    return await _CONTRACT.report(
        lambda behaviour: check_on(backend, behaviour, factory),
        version=version,
        capabilities=capabilities,
        expected_failures=expected_failures,
    )


class HTTPClientConformance(ConformanceSuite, abstract=True):
    """Tests of an implementation of `HTTPClientProtocol`.

    Example:
        ```python
        class TestMyClient(HTTPClientConformance):
            version = "1.0"
            expected_failures = {"HTTP-024": "forms are not encoded yet"}

            def make_client(self, backend):
                return MyClient()
        ```
    """

    _contract = _CONTRACT

    @abstractmethod
    def make_client(
        self, backend: Backend
    ) -> AbstractAsyncContextManager[HTTPClientProtocol]:
        """Return the client to be tried, as a context manager that opens it."""
        raise NotImplementedError

    def make_backend(self) -> AbstractAsyncContextManager[Backend]:
        """Return what it will call: a `FaultServer`, unless overridden."""
        return FaultServer.run()

    async def _attempt(self, behaviour: Behaviour[...]) -> None:
        await check_on(self.make_backend, behaviour, self.make_client)
