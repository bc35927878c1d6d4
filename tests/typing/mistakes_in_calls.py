# mypy: ignore-errors
"""Mistakes with clients, their options and their fakes."""

from typing import Unpack

from lexigram.contracts.web import (
    HTTPClientError,
    HTTPClientProtocol,
    HttpResponse,
    InterceptorProtocol,
    RequestContext,
    RequestOptions,
)
from lexigram.http import BaseURLHTTPClient, HTTPClient
from lexigram.result import Ok, Result

URL = "https://api.partner.test/v1/invoices"


async def a_misspelt_option(http: HTTPClientProtocol) -> None:
    await http.get(URL, heders={})  # error: call-arg | reportCallIssue


async def a_misspelt_option_of_the_real_client(http: HTTPClient) -> None:
    await http.get(URL, time_out=1)  # error: call-arg | reportCallIssue


async def a_misspelt_option_of_a_base_url_client(http: BaseURLHTTPClient) -> None:
    await http.get("/", jsn={})  # error: call-arg | reportCallIssue


async def a_timeout_of_the_wrong_type(http: HTTPClientProtocol) -> None:
    await http.get(URL, timeout="5s")  # error: arg-type | reportArgumentType


async def headers_of_the_wrong_type(http: HTTPClientProtocol) -> None:
    await http.get(URL, headers={"X": 1})  # error: arg-type | reportArgumentType


async def a_form_of_the_wrong_type(http: HTTPClientProtocol) -> None:
    await http.post(URL, data=5)  # error: arg-type | reportArgumentType


async def credentials_of_the_wrong_type(http: HTTPClientProtocol) -> None:
    await http.get(URL, auth="token")  # error: arg-type | reportArgumentType


async def an_option_by_position(http: HTTPClientProtocol) -> None:
    await http.get(URL, {})  # error: call-arg | reportCallIssue


async def no_url(http: HTTPClientProtocol) -> None:
    await http.get()  # error: call-arg | reportCallIssue


async def a_forgotten_await(http: HTTPClientProtocol) -> int:
    result = http.get(URL)
    return result.value.status  # error: attr-defined | reportAttributeAccessIssue


async def a_call_whose_result_is_never_awaited(http: HTTPClientProtocol) -> None:
    http.get(URL)  # error: unused-coroutine | reportUnusedCoroutine


async def a_fake_and_a_forgotten_await() -> Result[HttpResponse, HTTPClientError]:
    return OnlyGet().get(URL)  # error: return-value | reportReturnType


class OnlyGet(HTTPClientProtocol):
    """A fake as it should be."""

    async def get(
        self, url: str, **options: Unpack[RequestOptions]
    ) -> Result[HttpResponse, HTTPClientError]:
        return Ok(HttpResponse(200, url=url))


class ForgetsToAwait(HTTPClientProtocol):
    """A fake that hands on a coroutine in the place of what it returns."""

    async def get(
        self, url: str, **options: Unpack[RequestOptions]
    ) -> Result[HttpResponse, HTTPClientError]:
        return self.head(url, **options)  # error: return-value | reportReturnType


class SynchronousGet(HTTPClientProtocol):
    """A fake that cannot be awaited."""

    def get(  # error: override | reportIncompatibleMethodOverride
        self, url: str, **options: Unpack[RequestOptions]
    ) -> Result[HttpResponse, HTTPClientError]:
        return Ok(HttpResponse(200, url=url))


class BareResponse(HTTPClientProtocol):
    """A fake whose verb returns no result."""

    async def get(  # error: override | reportIncompatibleMethodOverride
        self, url: str, **options: Unpack[RequestOptions]
    ) -> HttpResponse:
        return HttpResponse(200, url=url)


class NoOptions(HTTPClientProtocol):
    """A fake that its callers' options do not fit."""

    async def get(  # error: override | reportIncompatibleMethodOverride
        self, url: str
    ) -> Result[HttpResponse, HTTPClientError]:
        return Ok(HttpResponse(200, url=url))


class ByShapeAndPartial:
    """Not a client: a partial fake has to inherit."""

    async def get(
        self, url: str, **options: Unpack[RequestOptions]
    ) -> Result[HttpResponse, HTTPClientError]:
        return Ok(HttpResponse(200, url=url))


def a_partial_fake_by_shape() -> HTTPClientProtocol:
    return ByShapeAndPartial()  # error: return-value | reportReturnType


class SynchronousInterceptor(InterceptorProtocol):
    """An interceptor that cannot be awaited."""

    def intercept_request(  # error: override | reportIncompatibleMethodOverride
        self, context: RequestContext, /
    ) -> RequestContext:
        return context


class HalfAnInterceptor:
    """Not an interceptor: one method alone has to inherit the other."""

    async def intercept_request(self, context: RequestContext, /) -> RequestContext:
        return context


def half_an_interceptor() -> InterceptorProtocol:
    return HalfAnInterceptor()  # error: return-value | reportReturnType


def a_misspelt_part_of_a_client() -> HTTPClient:
    return HTTPClient(retry_polcy=None)  # error: call-arg | reportCallIssue


def a_part_that_is_none() -> HTTPClient:
    return HTTPClient(metrics=print)  # error: arg-type | reportArgumentType
