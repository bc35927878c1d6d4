"""A test's own double: the verbs it needs, and nothing else."""

from collections.abc import Sequence
from typing import Any, Unpack, assert_type

from lexigram import Application
from lexigram.contracts.clock import ClockProtocol
from lexigram.contracts.di import bind
from lexigram.contracts.web import (
    HTTPClientError,
    HTTPClientProtocol,
    HttpResponse,
    HTTPStatusError,
    InterceptorProtocol,
    RequestContext,
    RequestOptions,
    ResponseContext,
)
from lexigram.http import BaseURLHTTPClient, HTTPClient
from lexigram.result import Ok, Result


class OnlyGet(HTTPClientProtocol):
    """Defines one verb."""

    async def get(
        self, url: str, **options: Unpack[RequestOptions]
    ) -> Result[HttpResponse, HTTPClientError]:
        return Ok(HttpResponse(200, url=url, json=dict(options)))


class AlwaysOk(HTTPClientProtocol):
    """Promises more than the protocol: it never fails."""

    async def get(
        self, url: str, **options: Unpack[RequestOptions]
    ) -> Ok[HttpResponse]:
        return Ok(HttpResponse(200, url=url))


class FailsByStatusOnly(HTTPClientProtocol):
    """Promises more than the protocol: one kind of error."""

    async def post(
        self, url: str, **options: Unpack[RequestOptions]
    ) -> Result[HttpResponse, HTTPStatusError]:
        return Ok(HttpResponse(201, url=url))


class Loose(HTTPClientProtocol):
    """Written in a hurry: any keyword, untyped."""

    async def get(
        self, url: str, **kwargs: Any
    ) -> Result[HttpResponse, HTTPClientError]:
        return Ok(HttpResponse(200, url=url, json=kwargs))


class BillingClient:
    """A service under test."""

    def __init__(self, http: HTTPClientProtocol) -> None:
        self.http = http


async def a_partial_fake_instantiates_and_is_a_client(app: Application) -> None:
    fake = OnlyGet()
    assert_type(fake, OnlyGet)
    client: HTTPClientProtocol = fake
    assert_type(await fake.get("/"), Result[HttpResponse, HTTPClientError])
    assert_type(await fake.post("/"), Result[HttpResponse, HTTPClientError])
    BillingClient(client)
    app.override(HTTPClientProtocol).to(OnlyGet())
    bind(HTTPClientProtocol).to(OnlyGet)
    BaseURLHTTPClient("https://api.partner.test", client=OnlyGet())


async def a_fake_may_promise_more() -> None:
    BillingClient(AlwaysOk())
    BillingClient(FailsByStatusOnly())
    BillingClient(Loose())
    assert_type((await AlwaysOk().get("/")).value, HttpResponse)


class ByShape:
    """An interceptor that inherits nothing and names its arguments as it likes."""

    async def intercept_request(self, outgoing: RequestContext) -> RequestContext:
        outgoing.headers["X-Correlation-Id"] = "c-1"
        return outgoing

    async def intercept_response(self, incoming: ResponseContext) -> ResponseContext:
        return incoming


class RequestsOnly(InterceptorProtocol):
    """An interceptor with one of the two methods."""

    async def intercept_request(self, context: RequestContext, /) -> RequestContext:
        return context


class ResponsesOnly(InterceptorProtocol):
    """An interceptor with the other one, its argument named."""

    async def intercept_response(self, response: ResponseContext) -> ResponseContext:
        return response


def interceptors_are_any_of_these() -> Sequence[InterceptorProtocol]:
    HTTPClient(interceptors=[ByShape(), RequestsOnly(), ResponsesOnly()])
    return (ByShape(), RequestsOnly(), ResponsesOnly())


class StoppedClock:
    """A clock by its shape."""

    def monotonic(self) -> float:
        return 0.0

    async def sleep(self, seconds: float) -> None:
        """Return at once."""


def a_clock_by_its_shape_is_injected() -> HTTPClient:
    clock: ClockProtocol = StoppedClock()
    return HTTPClient(clock=clock)
