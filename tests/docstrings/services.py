"""What runs around an example: a service starts where an example uses a name of it.

Each is given the names of the program and yields its own.
"""

import hashlib
import hmac
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Final

from store_server import running_store

from lexigram.application import Application
from lexigram.contracts.web import HTTPClientProtocol
from lexigram.resilience import CircuitBreakerRegistry, SharedStore, StoreConfig
from lexigram.resilience.events import Events
from lexigram.testing import (
    FakeHTTPClient,
    FaultServer,
    InMemoryMetrics,
    RecordedRequest,
    Reply,
    TestBed,
)

IMAGE: Final = bytes(300_000)
SIGNATURE: Final = hmac.new(b"s3cret", b"{}", hashlib.sha256).hexdigest()


@asynccontextmanager
async def observing(names: Mapping[str, Any]) -> AsyncIterator[dict[str, Any]]:
    yield {"events": Events(), "recorder": InMemoryMetrics()}


@asynccontextmanager
async def application(names: Mapping[str, Any]) -> AsyncIterator[dict[str, Any]]:
    yield {"app": Application(names["AppModule"])}


@asynccontextmanager
async def in_a_bed(names: Mapping[str, Any]) -> AsyncIterator[dict[str, Any]]:
    fake = FakeHTTPClient()
    async with TestBed(names["AppModule"]).override(HTTPClientProtocol).to(fake) as bed:
        yield {"bed": bed, "shop": await bed.get(names["Shop"])}


@asynccontextmanager
async def fleet(names: Mapping[str, Any]) -> AsyncIterator[dict[str, Any]]:
    breakers = CircuitBreakerRegistry()
    breakers.get("default")
    with running_store() as server:
        async with SharedStore(StoreConfig(url=server.url, timeout=5.0)) as store:
            yield {"REDIS_URL": server.url, "store": store, "breakers": breakers}


@asynccontextmanager
async def internet(names: Mapping[str, Any]) -> AsyncIterator[dict[str, Any]]:
    """What is called https://api.example.com in the examples."""

    def paid(request: RecordedRequest) -> Reply:
        return Reply(201, json={"id": "inv_1", **request.json})

    async with FaultServer.run(strict="unmatched_only") as server:
        on = server.on
        on.get("/users").respond(json=[{"name": "Ada"}, {"name": "Grace"}])
        on.get("/users/7").respond(json={"name": "Ada"})
        on.get("/issues", params={}).respond(
            json=[{"title": "It leaks"}, {"title": "It is slow"}],
            headers={"Link": '</issues?page=2>; rel="next"'},
        )
        on.get("/issues", params={"page": "2"}).respond(json=[{"title": "It works"}])
        on.get("/image.iso").respond(Reply(body=IMAGE))
        on.put("/photo.jpg", body=IMAGE).respond(201)
        on.post("/orders").respond(201).once()
        on.post("/token").respond(json={"access_token": "t0k3n", "expires_in": 60})
        on.get("/account", headers={"Authorization": "Bearer t0k3n"}).respond()
        on.post("/signed", headers={"X-Signature": SIGNATURE}).respond()
        on.post("/v1/invoices", headers={"Authorization": "Bearer s3cret"}).handle(paid)
        checksum = f"sha256:{hashlib.sha256(IMAGE).hexdigest()}"
        yield {"API": server.base_url, "CHECKSUM": checksum}


SERVICES: Final[
    Mapping[
        Callable[[Mapping[str, Any]], AbstractAsyncContextManager[Mapping[str, Any]]],
        frozenset[str],
    ]
] = {
    application: frozenset({"app"}),
    fleet: frozenset({"REDIS_URL", "breakers", "store"}),
    in_a_bed: frozenset({"bed", "shop"}),
    internet: frozenset({"API", "CHECKSUM"}),
    observing: frozenset({"events", "recorder"}),
}
"""By each service the names that start it."""
