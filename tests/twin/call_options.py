"""As whom and under which name a call is made."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

from lexigram.contracts.resilience import Call, CallRejectedError
from lexigram.contracts.web import (
    HTTPClientProtocol,
    InterceptorProtocol,
    RequestContext,
)
from lexigram.http import AccessToken, BearerAuth, TokenRefresh
from lexigram.testing import Reply
from lexigram.testing.conformance import Backend, Scenario, other_origin

T = TypeVar("T")


class Key(InterceptorProtocol):
    """Credentials of a stranger's making."""

    def __init__(self, scope: str) -> None:
        self.scope = scope

    async def intercept_request(self, context: RequestContext, /) -> RequestContext:
        context.headers["Authorization"] = "Key k"
        return context


class Label(InterceptorProtocol):
    """Writes the route, and whose credentials are in use, where an upstream sees it."""

    scope = "attempt"

    async def intercept_request(self, context: RequestContext, /) -> RequestContext:
        context.headers["X-Label"] = f"{context.own_auth} {context.route or None}"
        return context


class Refusal:
    """Refuses each call by its operation."""

    async def execute(
        self, operation: Callable[[], Awaitable[T]], call: Call[T] | None = None
    ) -> T:
        raise CallRejectedError("" if call is None else f"{call.operation} is refused.")


async def fetch() -> AccessToken:
    return AccessToken("t")


def token(backend: Backend) -> InterceptorProtocol:
    return TokenRefresh(fetch, origin=backend.base_url)


def bearer(backend: Backend) -> InterceptorProtocol:
    return BearerAuth("b", origin=backend.base_url)


def called(name: str, auth: Callable[[Backend], Any]) -> list[Scenario]:
    """An answer, a refusal and redirects, with these credentials."""

    async def answers(client: HTTPClientProtocol, backend: Backend) -> None:
        backend.on.get("/x").sequence(Reply(200), Reply(401), then="cycle")
        own = auth(backend)
        for _ in range(2):
            await client.get(f"{backend.base_url}/x", auth=own)

    async def redirects(client: HTTPClientProtocol, backend: Backend) -> None:
        away = f"{other_origin(backend)}/z"
        backend.on.get("/x").respond(302, headers={"Location": "/y"})
        backend.on.get("/y").respond(307, headers={"Location": away})
        backend.on.get("/z").respond(200)
        await client.get(f"{backend.base_url}/x", auth=auth(backend))

    return [
        Scenario(run=answers, name=f"{name}, answers", wiring=labelled),
        Scenario(run=redirects, name=f"{name}, redirects", wiring=labelled),
        Scenario(run=answers, name=f"{name}, without interceptors"),
    ]


def labelled() -> Mapping[str, Any]:
    return {"interceptors": (Label(),)}


def refused(name: str, **options: Any) -> Scenario:
    """A call that cannot be sent."""

    async def run(client: HTTPClientProtocol, backend: Backend) -> None:
        await client.get(f"{backend.base_url}/x", **options)

    return Scenario(name=name, run=run)


async def a_route(client: HTTPClientProtocol, backend: Backend) -> None:
    backend.on.get("/x/42").respond(302, headers={"Location": "/y"}).optional()
    backend.on.get("/y").respond(404).optional()
    await client.get(f"{backend.base_url}/x/42", route="/x/{id}")


async def no_proxy(client: HTTPClientProtocol, backend: Backend) -> None:
    backend.on.get("/x").respond(200)
    await client.get(f"{backend.base_url}/x", proxy=None)


SCENARIOS = [
    *called("user and password", lambda _: ("Jürgen", "p:w")),
    *called("nobody", lambda _: None),
    *called("a bearer of one call", bearer),
    *called("a token of one call", token),
    *called("a key of the call", lambda _: Key("call")),
    *called("a key of each attempt", lambda _: Key("attempt")),
    refused("credentials that are none", auth="Bearer x"),
    refused("a user with a colon", auth=("a:b", "c")),
    refused("credentials twice", auth=None, headers={"Authorization": "a"}),
    refused("a proxy of another kind", proxy="socks5://me:pw@proxy.test:1080"),
    refused("a proxy without a host", proxy="http://"),
    refused("a policy without a name", tls=""),
    refused("a route without a name", route=" "),
    Scenario(run=no_proxy),
    Scenario(run=a_route, wiring=labelled),
    Scenario(
        run=a_route,
        name="a route, to policies",
        wiring=lambda: {"resilience": Refusal()},
    ),
]
