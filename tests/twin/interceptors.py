"""The ready interceptors, and those that go around a call or an attempt."""

from collections.abc import Mapping
from itertools import count
from typing import Any

from lexigram.contracts.web import (
    AroundInterceptorProtocol,
    HTTPClientProtocol,
    InterceptorProtocol,
    Proceed,
    RequestContext,
    ResponseContext,
)
from lexigram.http import (
    AccessToken,
    CorrelationId,
    DefaultHeaders,
    IdempotencyKey,
    TokenRefresh,
)
from lexigram.resilience import RetryConfig, RetryPolicy
from lexigram.testing import Reply, fault
from lexigram.testing.conformance import Backend, Scenario, other_origin


class Answer(AroundInterceptorProtocol):
    """Answers by itself."""

    def __init__(self, scope: str) -> None:
        self.scope = scope

    async def around(
        self, request: RequestContext, proceed: Proceed, /
    ) -> ResponseContext:
        return ResponseContext(200, body=f"{request.method} {request.attempt}".encode())


class Twice(AroundInterceptorProtocol):
    """Proceeds again after whatever it gets."""

    def __init__(self, scope: str) -> None:
        self.scope = scope

    async def around(
        self, request: RequestContext, proceed: Proceed, /
    ) -> ResponseContext:
        await proceed(request)
        return await proceed(request)


class Method(InterceptorProtocol):
    """Sets the method."""

    def __init__(self, method: str) -> None:
        self._method = method

    async def intercept_request(self, context: RequestContext, /) -> RequestContext:
        context.method = self._method
        return context


class Mark(InterceptorProtocol):
    """Marks what passes with the number of the attempt."""

    scope = "attempt"

    async def intercept_request(self, context: RequestContext, /) -> RequestContext:
        context.headers.add("X-Mark", str(context.attempt))
        return context

    async def intercept_response(self, response: ResponseContext, /) -> ResponseContext:
        response.body += f"<{response.attempt}>".encode()
        return response


class Tokens(InterceptorProtocol):
    """A `TokenRefresh` for the backend, whose origin is known with the first call."""

    scope = "attempt"

    def __init__(self, *, failing: bool = False) -> None:
        self._failing = failing
        self._numbers = count(1)
        self._refresh: TokenRefresh | None = None

    async def _fetch(self) -> AccessToken:
        if self._failing:
            raise LookupError
        return AccessToken(f"t{next(self._numbers)}", 60)

    async def around(
        self, request: RequestContext, proceed: Proceed, /
    ) -> ResponseContext:
        if self._refresh is None:
            self._refresh = TokenRefresh(self._fetch, origin=request.url)
        return await self._refresh.around(request, proceed)


async def a_post(client: HTTPClientProtocol, backend: Backend) -> None:
    backend.on.post("/x").respond(201, text="made").optional()
    await client.post(f"{backend.base_url}/x", json={"a": 1})


async def a_recovery(client: HTTPClientProtocol, backend: Backend) -> None:
    answers = Reply(503), fault.reset(), Reply(201, text="made")
    backend.on.post("/x").sequence(*answers, then="cycle")
    await client.post(f"{backend.base_url}/x", json={"a": 1})


async def a_refused_token(client: HTTPClientProtocol, backend: Backend) -> None:
    backend.on.get("/x").sequence(Reply(401), Reply(200), Reply(200))
    backend.on.get("/y").respond(401)
    for path in ("/x", "/x", "/y"):
        await client.get(f"{backend.base_url}{path}")


async def no_token(client: HTTPClientProtocol, backend: Backend) -> None:
    backend.on.get("/x").respond(200).optional()
    await client.get(f"{backend.base_url}/x")


async def another_method(client: HTTPClientProtocol, backend: Backend) -> None:
    backend.on.delete("/x").respond(200, text="gone").optional()
    await client.get(f"{backend.base_url}/x")


async def a_redirect_elsewhere(client: HTTPClientProtocol, backend: Backend) -> None:
    target = f"{other_origin(backend)}/y"
    backend.on.get("/x").respond(302, headers={"Location": target})
    backend.on.get("/y").respond(401)
    await client.get(f"{backend.base_url}/x")


def wired(*interceptors: InterceptorProtocol, **others: Any) -> Mapping[str, Any]:
    return {"interceptors": interceptors, **others}


def headers() -> Mapping[str, Any]:
    numbers = count(1)
    return wired(
        DefaultHeaders({"X-Team": "a"}),
        CorrelationId(generate=lambda: f"c{next(numbers)}"),
        IdempotencyKey(generate=lambda: f"k{next(numbers)}"),
        retry_policy=RetryPolicy(RetryConfig(max_attempts=4, jitter="none")),
    )


SCENARIOS = [
    *(
        Scenario(
            run=a_post,
            name=f"an answer of an interceptor of the {scope}",
            wiring=lambda scope=scope: wired(Answer(scope), Mark()),
        )
        for scope in ("call", "attempt")
    ),
    *(
        Scenario(
            run=run,
            name=f"{Scenario(run=run)} twice, by an interceptor of the {scope}",
            wiring=lambda scope=scope: wired(Twice(scope), Mark()),
        )
        for run in (a_post, a_redirect_elsewhere)
        for scope in ("call", "attempt")
    ),
    Scenario(run=a_recovery, name="headers of interceptors", wiring=headers),
    Scenario(run=a_redirect_elsewhere, name="headers that stay", wiring=headers),
    Scenario(run=a_refused_token, wiring=lambda: wired(Tokens())),
    *(
        Scenario(
            run=another_method,
            name=f"the method {method!r}, by an interceptor",
            wiring=lambda method=method: wired(Method(method)),
        )
        for method in ("delete", "connect", "DE LETE")
    ),
    Scenario(run=no_token, wiring=lambda: wired(Tokens(failing=True))),
    Scenario(
        run=a_redirect_elsewhere,
        name="a token stays at its origin",
        wiring=lambda: wired(Tokens()),
    ),
]
