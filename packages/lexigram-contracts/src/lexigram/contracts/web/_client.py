"""The client that services depend on."""

from __future__ import annotations

from typing import NoReturn, Protocol, Unpack, runtime_checkable

from lexigram.contracts.web._errors import HTTPClientError
from lexigram.contracts.web._options import RequestOptions
from lexigram.contracts.web._response import HttpResponse
from lexigram.result import Result

__all__ = ["HTTPClientProtocol", "MissingVerbError"]


class MissingVerbError(TypeError):
    """A partial implementation of `HTTPClientProtocol` was asked for a verb it lacks."""


@runtime_checkable
class HTTPClientProtocol(Protocol):
    """An asynchronous function from a request to a response, by verb.

    The verbs hand every answer and every failure of one exchange back as a `Result`:
    `Ok` for a status below 400, `Err(HTTPStatusError)` with the response for the rest,
    `Err` of another `HTTPClientError` when there is no response. `request` returns any
    response as it is and raises the rest.

    Not promised: that a request was not sent when a call fails (`request_sent` says
    what is known), an order between concurrent calls, or that calls share connections.
    Any number of calls may run at once, from the start of the client to its stop.
    Cancelling a call ends it and gives back its connection; `CancelledError` passes
    through.

    A class that inherits from this protocol may define only the verbs it needs: the
    others raise `MissingVerbError`, which says which one is missing.

    Raises:
        HTTPCircuitOpenError: A registered breaker refuses calls to this upstream.
        HTTPRejectedError: Another registered policy refuses the call.
        HTTPRetryExhaustedError: A registered retry policy gave up on failures of the
            transport.
        HTTPUnknownOptionError: An option is misspelt.
        HTTPClientStateError: The client is not started, or stopped.
    """

    async def get(
        self, url: str, **options: Unpack[RequestOptions]
    ) -> Result[HttpResponse, HTTPClientError]:
        """Send GET (RFC 9110 §9.3.1) and hand back what came of it.

        Returns:
            `Ok` with the response for a status below 400. `Err` for the rest: an
            `HTTPStatusError` has the response of a higher one, and the other classes of
            `HTTPClientError` say why there is none.

        Raises:
            HTTPCircuitOpenError: A policy decided, as with `HTTPRejectedError` and
                `HTTPRetryExhaustedError`; see `HTTPClientProtocol`.
            HTTPUnknownOptionError: An option is misspelt.
            HTTPClientStateError: The client is not started, or stopped.
            asyncio.CancelledError: The caller was cancelled; the connection is given
                back.
        """
        _missing(self, "get")

    async def post(
        self, url: str, **options: Unpack[RequestOptions]
    ) -> Result[HttpResponse, HTTPClientError]:
        """Send POST (RFC 9110 §9.3.3); not repeated without an `idempotency_key`.

        Returns and raises what `get` does.
        """
        _missing(self, "post")

    async def put(
        self, url: str, **options: Unpack[RequestOptions]
    ) -> Result[HttpResponse, HTTPClientError]:
        """Send PUT (RFC 9110 §9.3.4).

        Returns and raises what `get` does.
        """
        _missing(self, "put")

    async def delete(
        self, url: str, **options: Unpack[RequestOptions]
    ) -> Result[HttpResponse, HTTPClientError]:
        """Send DELETE (RFC 9110 §9.3.5).

        Returns and raises what `get` does.
        """
        _missing(self, "delete")

    async def patch(
        self, url: str, **options: Unpack[RequestOptions]
    ) -> Result[HttpResponse, HTTPClientError]:
        """Send PATCH (RFC 5789); not repeated without an `idempotency_key`.

        Returns and raises what `get` does.
        """
        _missing(self, "patch")

    async def head(
        self, url: str, **options: Unpack[RequestOptions]
    ) -> Result[HttpResponse, HTTPClientError]:
        """Send HEAD (RFC 9110 §9.3.2), whose response has no body.

        Returns and raises what `get` does.
        """
        _missing(self, "head")

    async def request(
        self, method: str, url: str, **options: Unpack[RequestOptions]
    ) -> HttpResponse:
        """Send any method and return the response, whatever its status.

        Raises:
            HTTPClientError: There is no response; the class says why. What `get` raises
                is raised here, too.
        """
        _missing(self, "request")


def _missing(client: object, verb: str) -> NoReturn:
    raise MissingVerbError(
        f"{type(client).__name__} does not define {verb!r}. "
        f"Add `async def {verb}(...)` to it."
    )
