"""Interceptors see, and may change, every call on its way out and back."""

from dataclasses import replace

import pytest

from lexigram.contracts.web import (
    Headers,
    HTTPInvalidRequestError,
    HTTPStatusError,
    HTTPTimeoutError,
    InterceptorProtocol,
    RequestContext,
    ResponseContext,
)
from lexigram.http import HTTPClient
from lexigram.testing import FaultServer, Reply, fault


class Tag(InterceptorProtocol):
    """Notes when it runs, and leaves a mark on what passes."""

    def __init__(self, name: str, log: list[str]) -> None:
        self._name = name
        self._log = log

    async def intercept_request(self, context: RequestContext) -> RequestContext:
        self._log.append(f"> {self._name}")
        context.headers.add("X-Tag", self._name)
        return context

    async def intercept_response(self, response: ResponseContext) -> ResponseContext:
        self._log.append(f"< {self._name}")
        return response


async def test_requests_pass_first_to_last_and_responses_last_to_first() -> None:
    log: list[str] = []
    tags = [Tag("a", log), Tag("b", log)]
    async with FaultServer.run() as server, HTTPClient(interceptors=tags) as client:
        server.on.get("/v1").respond(200)
        await client.get(f"{server.base_url}/v1")
        assert server.calls.one().request.headers.get_all("x-tag") == ["a", "b"]
    assert log == ["> a", "> b", "< b", "< a"]


async def test_they_run_once_per_call_whatever_the_attempts() -> None:
    log: list[str] = []
    async with (
        FaultServer.run() as server,
        HTTPClient(interceptors=[Tag("a", log)]) as client,
    ):
        server.on.get("/v1").sequence(
            Reply(503, headers={"Retry-After": "0"}), Reply(200)
        )
        assert (await client.get(f"{server.base_url}/v1")).unwrap().attempts == 2
    assert log == ["> a", "< a"]


async def test_what_comes_out_of_them_is_what_is_sent_and_returned() -> None:
    class Rewrite(InterceptorProtocol):
        async def intercept_request(self, context: RequestContext) -> RequestContext:
            return replace(context, method="PUT", url=context.url + "2", body=b"new")

        async def intercept_response(
            self, response: ResponseContext
        ) -> ResponseContext:
            assert response.attempt == 1
            assert response.request is not None
            assert response.duration > 0
            return replace(
                response, status=404, body=b"gone", headers=Headers({"X-New": "1"})
            )

    async with (
        FaultServer.run() as server,
        HTTPClient(interceptors=[Rewrite()]) as client,
    ):
        server.on.put("/v2").respond(200)
        error = (await client.get(f"{server.base_url}/v")).unwrap_err()
        assert server.calls.one().request.body == b"new"
    assert isinstance(error, HTTPStatusError)
    assert (error.status, error.response.text) == (404, "gone")
    assert error.response.headers["x-new"] == "1"


async def test_one_method_is_enough() -> None:
    class RequestOnly(InterceptorProtocol):
        async def intercept_request(self, context: RequestContext) -> RequestContext:
            context.headers["X-Only"] = "1"
            return context

    async with (
        FaultServer.run() as server,
        HTTPClient(interceptors=[RequestOnly()]) as client,
    ):
        server.on.get("/v1").respond(200)
        assert await client.get(f"{server.base_url}/v1")
        assert server.calls.one().request.headers["x-only"] == "1"


async def test_an_error_in_one_reaches_the_caller_and_leaks_no_connection() -> None:
    class Fails(InterceptorProtocol):
        async def intercept_response(
            self, response: ResponseContext
        ) -> ResponseContext:
            raise LookupError(response.status)

    async with (
        FaultServer.run() as server,
        HTTPClient(interceptors=[Fails()]) as client,
    ):
        server.on.get("/v1").respond(200)
        for _ in range(2):
            with pytest.raises(LookupError):
                await client.get(f"{server.base_url}/v1")
        assert len(server.connections) == 1


async def test_an_interceptor_s_own_timeout_error_is_not_ours() -> None:
    class Fails(InterceptorProtocol):
        async def intercept_request(self, context: RequestContext) -> RequestContext:
            raise TimeoutError("of the interceptor")

    async with HTTPClient(interceptors=[Fails()]) as client:
        with pytest.raises(TimeoutError, match="of the interceptor"):
            await client.get("http://h/")


async def test_a_timeout_set_by_an_interceptor_holds() -> None:
    class Hurry(InterceptorProtocol):
        async def intercept_request(self, context: RequestContext) -> RequestContext:
            context.timeout = 0.05
            return context

    async with (
        FaultServer.run() as server,
        HTTPClient(interceptors=[Hurry()]) as client,
    ):
        server.on.get("/v1").fail(fault.hang())
        error = (await client.get(f"{server.base_url}/v1")).unwrap_err()
    assert isinstance(error, HTTPTimeoutError)
    assert error.limit == 0.05


async def test_a_url_set_by_an_interceptor_is_checked() -> None:
    class Misled(InterceptorProtocol):
        async def intercept_request(self, context: RequestContext) -> RequestContext:
            return replace(context, url="ftp://h/")

    async with HTTPClient(interceptors=[Misled()]) as client:
        error = (await client.get("http://h/")).unwrap_err()
    assert isinstance(error, HTTPInvalidRequestError)


@pytest.mark.parametrize("method", ["CONNECT", "connect", "GE T", "GET / HTTP/1.1"])
async def test_a_method_set_by_an_interceptor_is_checked(method: str) -> None:
    class Misled(InterceptorProtocol):
        async def intercept_request(self, context: RequestContext) -> RequestContext:
            return replace(context, method=method)

    async with HTTPClient(interceptors=[Misled()]) as client:
        error = (await client.get("http://127.0.0.1:9/")).unwrap_err()
    assert isinstance(error, HTTPInvalidRequestError)
    assert error.request_sent == "no"


async def test_one_of_the_attempt_scope_runs_around_every_exchange() -> None:
    seen: list[tuple[int, int]] = []

    class PerAttempt(InterceptorProtocol):
        scope = "attempt"

        async def intercept_request(self, context: RequestContext) -> RequestContext:
            context.headers.add("X-Attempt", str(context.attempt))
            return context

        async def intercept_response(
            self, response: ResponseContext
        ) -> ResponseContext:
            seen.append((response.attempt, response.status))
            return response

    log: list[str] = []
    both = [PerAttempt(), Tag("call", log)]
    async with FaultServer.run() as server, HTTPClient(interceptors=both) as client:
        server.on.get("/old").respond(302, headers={"Location": "/new"})
        server.on.get("/new").sequence(
            Reply(503, headers={"Retry-After": "0"}), Reply(200)
        )
        assert await client.get(f"{server.base_url}/old")
        sent = [c.request.headers.get_all("x-attempt") for c in server.calls]
        tags = [c.request.headers.get_all("x-tag") for c in server.calls]
    assert sent == [["1"], ["2"], ["3"]]
    assert seen == [(1, 302), (2, 503), (3, 200)]
    assert tags == [["call"]] * 3
    assert log == ["> call", "< call"]


async def test_a_length_set_by_an_interceptor_is_checked() -> None:
    class Smuggles(InterceptorProtocol):
        async def intercept_request(self, context: RequestContext) -> RequestContext:
            context.headers["Content-Length"] = "100"
            return context

    async with (
        FaultServer.run() as server,
        HTTPClient(interceptors=[Smuggles()]) as client,
    ):
        error = (await client.get(server.base_url)).unwrap_err()
        assert len(server.connections) == 0
    assert isinstance(error, HTTPInvalidRequestError)
