"""The fake client, as code under test meets it."""

import asyncio
import gzip
import zlib
from collections.abc import Callable
from typing import Any

import pytest

from lexigram.contracts.web import (
    HTTPCircuitOpenError,
    HTTPClientError,
    HTTPClientProtocol,
    HTTPConnectionError,
    HTTPInvalidRequestError,
    HttpResponse,
    HTTPResponseTooLargeError,
    HTTPStatusError,
    HTTPTimeoutError,
    HTTPUnknownOptionError,
)
from lexigram.testing import (
    CallbackFailed,
    FakeHTTPClient,
    RecordedRequest,
    Reply,
    VerificationError,
    fault,
    virtual_time,
)

_: HTTPClientProtocol = FakeHTTPClient()


def test_it_is_an_http_client() -> None:
    assert isinstance(FakeHTTPClient(), HTTPClientProtocol)


async def test_a_route_answers_a_verb_with_a_result() -> None:
    async with FakeHTTPClient() as fake:
        fake.on.get("/v1/invoices/inv_1").respond(json={"id": "inv_1"})
        result = await fake.get("/v1/invoices/inv_1")
        response = result.unwrap()
        assert response.json["id"] == "inv_1"
        assert response.headers["content-type"] == "application/json"
        assert response.headers["content-length"] == "14"
        assert response.url == "https://fake.test/v1/invoices/inv_1"
        assert response.attempts == 1


@pytest.mark.parametrize("verb", ["get", "post", "put", "patch", "delete", "head"])
async def test_every_verb_sends_its_method(verb: str) -> None:
    async with FakeHTTPClient() as fake:
        getattr(fake.on, verb)("/x").respond(202)
        result = await getattr(fake, verb)("/x")
        assert result.unwrap().status == 202
        assert fake.calls.one().request.method == verb.upper()


async def test_request_sends_any_method_and_returns_any_status() -> None:
    async with FakeHTTPClient() as fake:
        fake.on("REPORT", "/x").respond(503)
        response = await fake.request("report", "/x")
        assert (response.status, response.method) == (503, "REPORT")


async def test_a_status_of_400_or_more_is_an_error_of_the_verbs() -> None:
    async with FakeHTTPClient() as fake:
        fake.on.get("/x").respond(404, json={"why": "gone"})
        error = (await fake.get("/x")).unwrap_err()
        assert isinstance(error, HTTPStatusError)
        assert error.response.json == {"why": "gone"}


async def test_the_request_is_built_as_the_real_client_builds_it() -> None:
    async with FakeHTTPClient() as fake:
        fake.on.post("/x").respond(201)
        await fake.post(
            "/x?a=1",
            params={"b": [1, 2], "c": None},
            json={"n": "é"},
            headers=[("X-A", "1"), ("X-A", "2")],
            idempotency_key="k",
            timeout=7,
        )
        request = fake.calls.one().request
        assert request.url == "https://fake.test/x?a=1&b=1&b=2"
        assert request.params == (("a", "1"), ("b", "1"), ("b", "2"))
        assert request.body == b'{"n":"\xc3\xa9"}'
        assert request.json == {"n": "é"}
        assert request.headers.get_all("x-a") == ["1", "2"]
        assert request.headers["Idempotency-Key"] == "k"
        assert request.timeout == 7.0


async def test_absolute_urls_and_paths_without_a_slash_reach_their_routes() -> None:
    async with FakeHTTPClient(base_url="https://api.test/v2/") as fake:
        fake.on.get("/items").respond(200)
        fake.on.get("https://other.test:443/items").respond(204)
        assert (await fake.get("items")).unwrap().status == 200
        assert (await fake.get("https://api.test/v2/items")).unwrap().status == 200
        assert (await fake.get("https://OTHER.test/items")).unwrap().status == 204
        assert len(fake.calls.to(url="/items")) == 3


@pytest.mark.parametrize("url", ["//evil.test/x", "ftp://fake.test/x", "/a b"])
async def test_a_url_that_no_client_could_use_is_an_error(url: str) -> None:
    async with FakeHTTPClient() as fake:
        assert isinstance((await fake.get(url)).unwrap_err(), HTTPInvalidRequestError)
        with pytest.raises(HTTPInvalidRequestError):
            await fake.request("GET", url)
        fake.calls.assert_count(0)


async def test_an_unknown_option_is_raised_by_verbs_too() -> None:
    async with FakeHTTPClient() as fake:
        with pytest.raises(HTTPUnknownOptionError, match="'headers'"):
            await fake.get("/x", heders={})  # type: ignore[call-arg]


@pytest.mark.parametrize(
    ("method", "status"), [("HEAD", 200), ("GET", 204), ("GET", 304)]
)
async def test_an_answer_that_has_no_body_has_none(method: str, status: int) -> None:
    async with FakeHTTPClient() as fake:
        fake.on(method, "/x").respond(status, body=b"content")
        response = await fake.request(method, "/x")
        assert response.body == b""
        length = "7" if method == "HEAD" else None
        assert response.headers.get("content-length") == length


async def test_repeated_response_headers_are_kept() -> None:
    async with FakeHTTPClient() as fake:
        cookies = [("Set-Cookie", "a=1"), ("Set-Cookie", "b=2")]
        fake.on.get("/x").respond(headers=cookies)
        response = (await fake.get("/x")).unwrap()
        assert response.headers.get_all("set-cookie") == ["a=1", "b=2"]


@pytest.mark.parametrize(
    ("coding", "pack"), [("gzip", gzip.compress), ("deflate", zlib.compress)]
)
async def test_a_content_coding_is_removed(
    coding: str, pack: Callable[[bytes], bytes]
) -> None:
    async with FakeHTTPClient() as fake:
        headers = {"Content-Encoding": coding}
        fake.on.get("/x").respond(body=pack(b"content"), headers=headers)
        assert (await fake.get("/x")).unwrap().body == b"content"


async def test_a_body_that_is_not_of_its_content_coding_is_a_failure() -> None:
    async with FakeHTTPClient() as fake:
        fake.on.get("/x").respond(body=b"plain", headers={"Content-Encoding": "gzip"})
        error = (await fake.get("/x")).unwrap_err()
        assert isinstance(error, HTTPConnectionError)
        assert error.failure == "truncated"


async def test_a_body_larger_than_the_call_accepts_is_an_error() -> None:
    async with FakeHTTPClient() as fake:
        fake.on.get("/x").respond(body=b"12345")
        result = await fake.get("/x", max_response_bytes=4)
        assert isinstance(result.unwrap_err(), HTTPResponseTooLargeError)
        assert (await fake.get("/x", max_response_bytes=5)).is_ok()


async def test_an_answer_later_than_the_timeout_is_a_timeout_at_that_time() -> None:
    async with virtual_time() as clock, FakeHTTPClient(timeout=30) as fake:
        fake.on.get("/slow").sequence(Reply(delay=29.5), Reply(delay=30))
        response = (await fake.get("/slow")).unwrap()
        assert (clock.elapsed, response.elapsed) == (29.5, 29.5)
        error = (await fake.get("/slow")).unwrap_err()
        assert clock.elapsed == 59.5
        assert isinstance(error, HTTPTimeoutError)
        assert (error.phase, error.limit) == ("total", 30.0)
        assert fake.calls[1].elapsed == 30.0
        assert fake.calls[1].outcome is error


async def test_chunks_take_their_time_and_arrive_joined() -> None:
    async with virtual_time(), FakeHTTPClient() as fake:
        fake.on.get("/x").respond(Reply(chunks=[b"a", b"b", b"c"], pause=2, delay=1))
        response = (await fake.get("/x")).unwrap()
        assert (response.body, response.elapsed) == (b"abc", 5.0)


async def test_the_timeout_covers_a_handler_and_the_delay_of_its_reply() -> None:
    async def handler(request: RecordedRequest) -> Reply:
        await asyncio.sleep(float(request.path_params["seconds"]))
        return Reply(delay=2)

    async with virtual_time() as clock, FakeHTTPClient(timeout=5) as fake:
        fake.on.get("/{seconds}").handle(handler)
        assert (await fake.get("/2")).is_ok()
        assert isinstance((await fake.get("/3")).unwrap_err(), HTTPTimeoutError)
        assert isinstance((await fake.get("/60")).unwrap_err(), HTTPTimeoutError)
        assert clock.elapsed == 4.0 + 5.0 + 5.0
        assert clock.sleeps == [2.0, 3.0, 60.0]


async def test_a_hanging_route_ends_at_the_timeout() -> None:
    async with virtual_time() as clock, FakeHTTPClient(timeout=30) as fake:
        fake.on.get("/x").fail(fault.hang())
        assert isinstance((await fake.get("/x")).unwrap_err(), HTTPTimeoutError)
        assert clock.elapsed == 30.0


async def test_a_call_without_timeout_hangs_until_it_is_cancelled() -> None:
    async with FakeHTTPClient(timeout=None) as fake:
        fake.on.get("/x").fail(fault.hang())
        task = asyncio.create_task(fake.get("/x"))
        call = (await fake.calls.wait_for(1)).one()
        assert call.outcome is None
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert isinstance(call.outcome, asyncio.CancelledError)


@pytest.mark.parametrize(
    ("cause", "failure", "sent"),
    [(fault.refused(), "connect", "no"), (fault.reset(), "disconnected", "maybe")],
)
async def test_faults_of_the_connection_are_reported_as_a_client_does(
    cause: Any, failure: str, sent: Any
) -> None:
    async with FakeHTTPClient() as fake:
        fake.on.get("/x").fail(cause)
        error = (await fake.get("/x?token=s3cret")).unwrap_err()
        assert isinstance(error, HTTPConnectionError)
        assert (error.failure, error.request_sent) == (failure, sent)
        assert error.retryable
        assert "s3cret" not in str(error)
        with pytest.raises(HTTPConnectionError):
            await fake.request("GET", "/x")


async def test_an_exception_is_raised_and_an_http_error_handed_back() -> None:
    refused = HTTPConnectionError("No.", failure="dns")
    async with FakeHTTPClient() as fake:
        fake.on.get("/value").fail(ValueError("mine"))
        fake.on.get("/http").fail(refused)
        with pytest.raises(ValueError, match="mine"):
            await fake.get("/value")
        assert (await fake.get("/http")).unwrap_err() is refused
        with pytest.raises(HTTPConnectionError):
            await fake.request("GET", "/http")


async def test_what_policies_decide_is_raised_by_the_verbs() -> None:
    async with FakeHTTPClient() as fake:
        fake.on.get("/x").fail(HTTPCircuitOpenError("Open."))
        with pytest.raises(HTTPCircuitOpenError):
            await fake.get("/x")


async def test_a_handler_sees_the_request_and_makes_the_outcome() -> None:
    def handler(request: RecordedRequest) -> HttpResponse:
        return HttpResponse(200, json={**request.path_params, **request.json})

    async with FakeHTTPClient() as fake:
        fake.on.put("/v1/{kind}/{id}.json").handle(handler)
        result = await fake.put("/v1/in%2Fvoices/7.json", json={"n": 1})
        assert result.unwrap().json == {"kind": "in/voices", "id": "7", "n": 1}


async def test_an_http_error_that_a_handler_raises_is_an_outcome() -> None:
    def handler(request: RecordedRequest) -> Reply:
        raise HTTPConnectionError("No.", failure="tls")

    async with FakeHTTPClient() as fake:
        fake.on.get("/x").handle(handler)
        assert isinstance((await fake.get("/x")).unwrap_err(), HTTPConnectionError)


@pytest.mark.parametrize("made", ["raises", "answers nonsense"])
async def test_a_broken_handler_cannot_be_swallowed(made: str) -> None:
    def handler(request: RecordedRequest) -> Any:
        assert made != "raises"
        return 200

    fake = FakeHTTPClient()
    fake.on.get("/x").handle(handler)
    with pytest.raises(CallbackFailed, match="handler of GET /x") as caught:
        await fake.get("/x")
    assert isinstance(caught.value.__cause__, AssertionError | TypeError)
    with pytest.raises(VerificationError) as verified:
        fake.verify()
    assert verified.value.failures == (caught.value,)


async def test_calls_at_the_same_time_are_each_answered() -> None:
    gate = asyncio.Event()

    async def handler(request: RecordedRequest) -> Reply:
        await gate.wait()
        return Reply(text=request.path_params["n"])

    async with FakeHTTPClient() as fake:
        fake.on.get("/{n}").handle(handler)
        tasks = [asyncio.create_task(fake.get(f"/{n}")) for n in range(3)]
        await fake.calls.wait_for(3)
        assert [call.outcome for call in fake.calls] == [None] * 3
        gate.set()
        texts = [result.unwrap().text for result in await asyncio.gather(*tasks)]
        assert texts == ["0", "1", "2"]


async def test_the_log_filters_asserts_and_renders() -> None:
    async with FakeHTTPClient() as fake:
        fake.on("*", "/a/{id}").respond(200)
        fake.on.post("/b").fail(HTTPConnectionError("No.", failure="dns"))
        await fake.get("/a/1?token=s3cret")
        await fake.put("/a/2")
        await fake.post("/b")
        assert [call.index for call in fake.calls.to(url="/a/{id}")] == [1, 2]
        assert fake.calls.to("put").one().request.path == "/a/2"
        assert len(fake.calls.to("get", "/a/1?token=other")) == 0
        assert fake.calls.to("get").to(url="/b").render() == ""
        with pytest.raises(AssertionError, match=r"Expected 1 call, got 3:\n  #1 GET"):
            fake.calls.one()
        assert fake.calls.render() == (
            "#1 GET https://fake.test/a/1?token=*** -> 200\n"
            "#2 PUT https://fake.test/a/2 -> 200\n"
            "#3 POST https://fake.test/b -> HTTPConnectionError"
        )


async def test_calls_show_what_became_of_them() -> None:
    async with FakeHTTPClient(base_url="https://a.test/", timeout=None) as fake:
        assert fake.base_url == "https://a.test"
        assert repr(fake.calls) == "<CallLog, no calls>"
        fake.on.get("/x").fail(fault.hang())
        task = asyncio.create_task(fake.get("/x?token=s3cret"))
        call = (await fake.calls.wait_for()).one()
        assert (
            repr(call) == "<RecordedCall #1 GET https://a.test/x?token=*** -> pending>"
        )
        assert repr(call.request) == (
            "<RecordedRequest GET https://a.test/x?token=***, 0 bytes>"
        )
        task.cancel()
        await asyncio.wait({task})
        assert repr(fake.calls).splitlines()[1].endswith("-> CancelledError")


async def test_a_request_shows_its_body_as_text() -> None:
    async with FakeHTTPClient() as fake:
        fake.on.post("/x")
        await fake.post("/x", data=b"h\xc3\xa9\xff")
        assert fake.calls.one().request.text == "h\u00e9\ufffd"


async def test_waiting_for_calls_that_do_not_come_ends_and_lists_the_others() -> None:
    fake = FakeHTTPClient()
    fake.on.get("/x").respond(200)
    await fake.get("/x")
    with pytest.raises(AssertionError, match=r"(?s)at least 2 calls, got 1:.*#1 GET"):
        await fake.calls.wait_for(2, timeout=0.01)


async def test_the_log_can_be_awaited_by_a_background_task() -> None:
    async with FakeHTTPClient() as fake:
        route = fake.on.get("/x").respond(200)
        waiter = asyncio.create_task(route.calls.wait_for(2))
        await fake.get("/x")
        assert not waiter.done()
        await fake.get("/x")
        assert len(await waiter) == 2


def test_a_base_url_that_is_none_is_refused_at_once() -> None:
    with pytest.raises(HTTPClientError, match="no scheme"):
        FakeHTTPClient(base_url="fake.test")
