"""Retries, breakers and interceptors around a call, with seeded chance."""

from collections.abc import Mapping
from random import Random
from typing import Any

from lexigram.contracts.clock import SystemClock
from lexigram.contracts.web import (
    HTTPClientProtocol,
    InterceptorProtocol,
    RequestContext,
    ResponseContext,
)
from lexigram.http.retry import BuiltinRetry
from lexigram.resilience import (
    CircuitBreaker,
    CircuitBreakerConfig,
    ResiliencePipeline,
    RetryConfig,
    RetryPolicy,
)
from lexigram.testing import Reply, fault
from lexigram.testing.conformance import Backend, Scenario, other_origin


class Stamp(InterceptorProtocol):
    """Marks what passes."""

    def __init__(self, mark: str, scope: str = "call") -> None:
        self.mark = mark
        self.scope = scope

    async def intercept_request(self, context: RequestContext, /) -> RequestContext:
        context.headers.add("X-Mark", f"{self.mark} {context.attempt}")
        return context

    async def intercept_response(self, response: ResponseContext, /) -> ResponseContext:
        response.body += f"<{self.mark} {response.attempt}>".encode()
        return response


class Tighten(InterceptorProtocol):
    """Gives every call less time."""

    async def intercept_request(self, context: RequestContext, /) -> RequestContext:
        context.timeout = 1.5
        return context


class Break(InterceptorProtocol):
    """Makes every request unusable."""

    async def intercept_request(self, context: RequestContext, /) -> RequestContext:
        context.headers["Content-Length"] = "9"
        return context


class Refuse(InterceptorProtocol):
    """Raises an error of its own."""

    def __init__(self, scope: str = "call") -> None:
        self.scope = scope

    async def intercept_response(self, response: ResponseContext, /) -> ResponseContext:
        raise LookupError(response.status)


def builtin() -> Mapping[str, Any]:
    return {"retry_policy": BuiltinRetry(SystemClock(), Random(7))}


def retry(**config: Any) -> Mapping[str, Any]:
    return {"retry_policy": RetryPolicy(RetryConfig(**config), random=Random(7))}


def breaker() -> CircuitBreaker:
    config = CircuitBreakerConfig(consecutive_failures=3)
    return CircuitBreaker("twin", config, random=Random(7))


def pipeline() -> Mapping[str, Any]:
    policy = RetryPolicy(RetryConfig(max_attempts=4), random=Random(7))
    return {"resilience": ResiliencePipeline(retry=policy, breaker=breaker())}


def marked() -> Mapping[str, Any]:
    inner = Stamp("inner", "attempt")
    return {"interceptors": (Stamp("first"), inner, Stamp("second"))}


async def a_recovery(client: HTTPClientProtocol, backend: Backend) -> None:
    backend.on.get("/x").sequence(Reply(503), fault.reset(), Reply(text="back"))
    await client.get(f"{backend.base_url}/x")


async def an_outage_of_statuses(client: HTTPClientProtocol, backend: Backend) -> None:
    backend.on.get("/x").respond(503, text="down")
    await client.get(f"{backend.base_url}/x")
    await client.request("GET", f"{backend.base_url}/x")


async def an_outage_of_connections(
    client: HTTPClientProtocol, backend: Backend
) -> None:
    backend.on.get("/x").fail(fault.reset())
    await client.get(f"{backend.base_url}/x")


async def a_post_that_fails(client: HTTPClientProtocol, backend: Backend) -> None:
    backend.on.post("/x").fail(fault.reset())
    await client.post(f"{backend.base_url}/x", json={"a": 1})


async def a_post_with_a_key(client: HTTPClientProtocol, backend: Backend) -> None:
    backend.on.post("/x").sequence(Reply(503), Reply(201))
    await client.post(f"{backend.base_url}/x", json={"a": 1}, idempotency_key="k")


async def a_retry_that_is_forbidden(
    client: HTTPClientProtocol, backend: Backend
) -> None:
    backend.on.get("/x").respond(503)
    await client.get(f"{backend.base_url}/x", retry=False)


async def a_wish_to_wait(client: HTTPClientProtocol, backend: Backend) -> None:
    wish = Reply(429, headers={"Retry-After": "7"})
    backend.on.get("/x").sequence(wish, Reply(text="thanks"))
    await client.get(f"{backend.base_url}/x")


async def a_wish_past_the_deadline(
    client: HTTPClientProtocol, backend: Backend
) -> None:
    backend.on.get("/x").respond(429, headers={"Retry-After": "7"})
    await client.get(f"{backend.base_url}/x", timeout=5)


async def a_deadline_over_attempts(
    client: HTTPClientProtocol, backend: Backend
) -> None:
    backend.on.get("/x").respond(503, delay=2)
    await client.get(f"{backend.base_url}/x", timeout=5)


async def an_open_circuit(client: HTTPClientProtocol, backend: Backend) -> None:
    backend.on.get("/x").respond(500)
    for _ in range(4):
        await client.request("GET", f"{backend.base_url}/x")


async def a_redirect_with_attempts(
    client: HTTPClientProtocol, backend: Backend
) -> None:
    there = Reply(302, headers={"Location": "/y"})
    backend.on.get("/x").sequence(Reply(503), there)
    backend.on.get("/y").sequence(Reply(503), Reply(text="there"))
    await client.get(f"{backend.base_url}/x")


async def a_plain_call(client: HTTPClientProtocol, backend: Backend) -> None:
    backend.on.post("/x").respond(201, text="ok", delay=1)
    await client.post(f"{backend.base_url}/x", json={"a": 1}, headers={"X-Mark": "own"})


async def a_slow_call(client: HTTPClientProtocol, backend: Backend) -> None:
    backend.on.get("/x").respond(delay=5)
    await client.get(f"{backend.base_url}/x")


async def a_call_that_is_not_sent(client: HTTPClientProtocol, backend: Backend) -> None:
    await client.post(f"{backend.base_url}/x", json={"a": 1})


async def cookies(client: HTTPClientProtocol, backend: Backend) -> None:
    backend.on.get("/x").respond(headers={"Set-Cookie": "a=1"})
    for _ in range(2):  # a host with a name: cookies of addresses are not kept
        await client.get(f"{other_origin(backend)}/x")


OUTAGES = (
    a_recovery,
    an_outage_of_statuses,
    an_outage_of_connections,
    a_post_that_fails,
    a_post_with_a_key,
    a_retry_that_is_forbidden,
    a_wish_to_wait,
    a_wish_past_the_deadline,
    a_deadline_over_attempts,
    a_redirect_with_attempts,
)

SCENARIOS = [
    *(Scenario(run=run, wiring=builtin) for run in OUTAGES),
    *(
        Scenario(run=run, wiring=retry, name=f"{Scenario(run=run)} with a policy")
        for run in OUTAGES
    ),
    *(
        Scenario(run=run, wiring=pipeline, name=f"{Scenario(run=run)} with a pipeline")
        for run in (*OUTAGES, an_open_circuit)
    ),
    Scenario(
        run=an_open_circuit,
        wiring=lambda: {"circuit_breaker": breaker()} | retry(max_attempts=1),
    ),
    Scenario(
        run=an_outage_of_connections,
        name="giving up, returned",
        wiring=lambda: {**retry(), "infrastructure_errors": "return"},
    ),
    Scenario(run=a_plain_call, wiring=marked, name="interceptors"),
    Scenario(
        run=a_recovery,
        wiring=lambda: {**marked(), **retry()},
        name="interceptors and attempts",
    ),
    Scenario(
        run=a_redirect_with_attempts,
        wiring=lambda: {**marked(), **retry()},
        name="interceptors and redirects",
    ),
    Scenario(run=a_slow_call, wiring=lambda: {"interceptors": (Tighten(),)}),
    Scenario(run=a_call_that_is_not_sent, wiring=lambda: {"interceptors": (Break(),)}),
    Scenario(
        run=a_plain_call,
        wiring=lambda: {"interceptors": (Refuse(),)},
        name="an interceptor that raises",
    ),
    Scenario(
        run=a_plain_call,
        wiring=lambda: {"interceptors": (Refuse("attempt"),), **retry()},
        name="an interceptor of attempts that raises",
    ),
    Scenario(
        run=cookies,
        differs={
            "requests.1.headers.cookie": "the real client keeps cookies, the fake none"
        },
    ),
]
