"""Every option by keyword, on every verb, and handed through by a service's own."""

from typing import Unpack, assert_type

from lexigram.contracts.web import (
    HTTPClientError,
    HTTPClientProtocol,
    HttpResponse,
    RequestContext,
    RequestOptions,
    ResponseContext,
    ResponseStreamProtocol,
)
from lexigram.http import (
    BaseURLHTTPClient,
    BearerAuth,
    HTTPClient,
    HTTPClientConfig,
    json_as,
)
from lexigram.http.pagination import paginate
from lexigram.result import Result

URL = "https://api.partner.test/v1/invoices"


async def every_verb_returns_a_result(http: HTTPClientProtocol) -> None:
    assert_type(await http.get(URL), Result[HttpResponse, HTTPClientError])
    assert_type(await http.post(URL), Result[HttpResponse, HTTPClientError])
    assert_type(await http.put(URL), Result[HttpResponse, HTTPClientError])
    assert_type(await http.delete(URL), Result[HttpResponse, HTTPClientError])
    assert_type(await http.patch(URL), Result[HttpResponse, HTTPClientError])
    assert_type(await http.head(URL), Result[HttpResponse, HTTPClientError])


async def request_returns_the_response(http: HTTPClientProtocol) -> None:
    assert_type(await http.request("OPTIONS", URL), HttpResponse)


async def every_option_is_a_keyword(http: HTTPClientProtocol) -> None:
    await http.get(URL, params={"page": 2, "tag": ["a", "b"], "since": None})
    await http.get(URL, params=[("tag", "a"), ("tag", "b"), ("page", 2)])
    await http.get(URL, headers={"Accept": "text/html"})
    await http.get(URL, headers=[("Accept", "text/html"), ("Accept", "*/*")])
    await http.post(URL, json={"cents": 4200, "lines": [{"sku": "a"}]})
    await http.post(URL, data=b"raw")
    await http.post(URL, data="text")
    await http.post(URL, data={"form": "field", "several": ["a", "b"]})
    await http.get(URL, timeout=2.5)
    await http.get(URL, timeout=2)
    await http.get(URL, timeout=None)
    await http.get(URL, follow_redirects=False)
    await http.get(URL, max_response_bytes=1_000_000)
    await http.get(URL, max_response_bytes=None)
    await http.post(URL, idempotency_key="order-1")
    await http.get(URL, retry=False)
    await http.get(URL, auth=("user", "password"))
    await http.get(URL, auth=BearerAuth("token", origin=URL))
    await http.get(URL, auth=StrangersAuth())
    await http.get(URL, auth=None)
    await http.get(URL, proxy="http://proxy.test:3128")
    await http.get(URL, proxy=None)
    await http.get(URL, tls="partner", route="/v1/invoices")


class StrangersAuth:
    """Matches the protocol without inheriting from it."""

    async def intercept_request(self, context: RequestContext, /) -> RequestContext:
        return context

    async def intercept_response(self, response: ResponseContext, /) -> ResponseContext:
        return response


async def the_real_client_takes_the_same(http: HTTPClient) -> None:
    result = await http.post(
        URL,
        params={"page": 2},
        headers={"Accept": "text/html"},
        json=[1, 2],
        timeout=2.5,
        follow_redirects=False,
        max_response_bytes=1_000_000,
        idempotency_key="order-1",
        retry=False,
        auth=("user", "password"),
        proxy="http://proxy.test:3128",
        tls="partner",
        route="/v1/invoices",
    )
    assert_type(result, Result[HttpResponse, HTTPClientError])


async def options_are_handed_through(
    http: HTTPClientProtocol, **options: Unpack[RequestOptions]
) -> Result[HttpResponse, HTTPClientError]:
    return await http.get(URL, **options)


async def options_are_kept_and_added_to(http: HTTPClientProtocol) -> None:
    usual = RequestOptions(timeout=2.5, retry=False)
    longer: RequestOptions = {**usual, "timeout": 60.0}
    await http.get(URL, **usual)
    await http.get(URL, **longer)


async def a_client_of_one_upstream_returns_responses() -> None:
    async with BaseURLHTTPClient(URL, headers={"X": "y"}, timeout=60.0) as client:
        assert_type(client, BaseURLHTTPClient)
        assert_type(await client.get("/42"), HttpResponse)
        assert_type(await client.post("/", json={"cents": 1}), HttpResponse)
        assert_type(await client.request("OPTIONS", "/"), HttpResponse)
        assert_type(await client.options("/"), HttpResponse)
        assert_type(await client.get("/{id}", path_params={"id": 7}), HttpResponse)
        assert_type(client.with_options("bills", timeout=None), BaseURLHTTPClient)
        async with client.stream("GET", "/", allow_absolute=True) as stream:
            assert_type(stream, ResponseStreamProtocol)


async def listings_are_typed(
    http: HTTPClientProtocol, upstream: BaseURLHTTPClient
) -> None:
    async for page in paginate(http, URL, params={"size": 50}):
        assert_type(page, HttpResponse)
    async for name in paginate(http, URL).items(json_as(list[str])):
        assert_type(name, str)
    pages = upstream.paginate("/{id}/lines", path_params={"id": 7}, max_pages=None)
    async for number in pages.items(json_as(list[int]), max_items=10):
        assert_type(number, int)
    paginate(http, URL, next_page=lambda page: {"params": {"after": page.json["id"]}})


async def a_client_is_its_own_context() -> None:
    async with HTTPClient() as client:
        assert_type(client, HTTPClient)
    async with HTTPClient.session_context(HTTPClientConfig()) as session:
        assert_type(session, HTTPClient)
