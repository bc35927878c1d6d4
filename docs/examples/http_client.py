"""One client, an upstream that has a bad day, and what each call comes to.

    uv run python docs/examples/http_client.py

The upstream is a server on this machine that answers, asks for patience, resets
connections, goes silent, redirects elsewhere and sends too much. The client has no policy
but its own retry. The program runs in virtual time, so that nothing is waited for: the
seconds that it prints are those that the calls would take.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import TypeAlias

from pydantic import BaseModel

from lexigram.http import (
    BearerAuth,
    CorrelationId,
    EgressConfig,
    HTTPClient,
    HTTPClientConfig,
    HTTPClientError,
    HttpResponse,
    InterceptorChain,
    Timeouts,
    json_as,
)
from lexigram.result import Result
from lexigram.testing import FaultServer, Reply, VirtualClock, fault, virtual_time


class Invoice(BaseModel):
    """What the upstream knows of an invoice."""

    id: int
    cents: int


INVOICES = json_as(list[Invoice])

Outcome: TypeAlias = Result[HttpResponse, HTTPClientError]


def arrange(upstream: FaultServer, elsewhere: FaultServer) -> None:
    """Say what the servers do."""
    invoices = [{"id": 7, "cents": 4200}, {"id": 8, "cents": 950}]
    busy = Reply(503, headers={"Retry-After": "2"})
    target = {"Location": f"{elsewhere.base_url}/archive/7.pdf"}

    upstream.on.get("/v1/invoices").respond(json=invoices)
    upstream.on.get("/v1/rates").sequence(busy, fault.reset(), Reply(json={"EUR": 1}))
    upstream.on.post("/v1/payments").sequence(fault.close(), fault.close(), Reply(201))
    upstream.on.get("/v1/report").fail(fault.hang())
    upstream.on.get("/v1/invoices/7.pdf").respond(302, headers=target)
    upstream.on.get("/v1/everything").respond(body=bytes(5_000_000))
    elsewhere.on.get("/archive/7.pdf").respond(body=b"%PDF-1.7")


@dataclass(frozen=True)
class Report:
    """Prints what calls come to."""

    clock: VirtualClock

    async def of(self, what: str, call: Awaitable[Outcome]) -> None:
        """Make a call and print a line."""
        before = self.clock.elapsed
        result = await call
        seconds = self.clock.elapsed - before
        said, attempts = _said(result)
        print(f"{what:<28}{attempts} sent {seconds:5.1f} s  {said}")


def _said(result: Outcome) -> tuple[str, int]:
    if result.is_ok():
        response = result.value
        return f"Ok {response.status}, {len(response.body)} bytes", response.attempts
    error = result.error
    reached = f"the server saw it: {error.request_sent}"
    return f"Err {type(error).__name__}, {reached}", error.attempts


async def make_calls(client: HTTPClient, url: str, report: Report) -> None:
    """Call the upstream, once for each of its moods."""
    await report.of("an answer", client.get(f"{url}/invoices"))
    await report.of("repeated until it is there", client.get(f"{url}/rates"))
    payment = client.post(f"{url}/payments", json={"invoice": 7})
    await report.of("POST, which is sent once", payment)
    payment = client.post(f"{url}/payments", json={}, idempotency_key="order-7")
    await report.of("POST with a key", payment)
    patient = Timeouts(total=60.0, read=3.0)
    silent = client.get(f"{url}/report", timeout=patient, retry=False)
    await report.of("silence for 3 s", silent)
    await report.of("a redirect elsewhere", client.get(f"{url}/invoices/7.pdf"))
    large = client.get(f"{url}/everything", max_response_bytes=1_000_000)
    await report.of("more than 1 MB", large)


async def main() -> None:
    """Make one client and use it."""
    async with (
        virtual_time() as clock,
        FaultServer.run() as upstream,
        FaultServer.run() as elsewhere,
    ):
        arrange(upstream, elsewhere)
        chain = InterceptorChain(
            CorrelationId(), BearerAuth("t0ken", origin=upstream.base_url)
        )
        config = HTTPClientConfig(egress=EgressConfig(addresses="loopback"))
        async with HTTPClient(config, interceptors=chain) as client:
            url = f"{upstream.base_url}/v1"
            await make_calls(client, url, Report(clock))
            invoices = (await client.get(f"{url}/invoices")).unwrap().decode(INVOICES)
            pool = client.statistics()

        print(f"\nDecoded: {invoices}")
        print(f"Connections: {pool.opened} opened, {pool.reused} calls reused one.")
        archive = elsewhere.calls.one().request.headers
        print(f"The token went elsewhere: {'Authorization' in archive}.")


if __name__ == "__main__":
    asyncio.run(main())
