"""A billing service, its partner's bad day, and what the service makes of it.

    uv run python docs/examples/billing_service.py              an embedded partner
    uv run python docs/examples/billing_service.py --url URL    a real one

`BillingClient` depends on `HTTPClientProtocol` and on nothing else. The application adds
the rest by registration: the client and its pool (`HTTPModule`), retries and a circuit
breaker (`ResilienceModule`), and a summary of metrics. The embedded partner then answers,
does not find, is slow, asks to come back later, resets connections, and goes down until
the circuit opens; when it is up again, the circuit heals.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from pydantic import BaseModel
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from lexigram import Application
from lexigram.contracts.web import (
    HTTPCircuitOpenError,
    HTTPClientError,
    HTTPClientProtocol,
)
from lexigram.di import Module, bind, module
from lexigram.http import ConnectionPoolConfig, HTTPClientConfig, HTTPModule
from lexigram.metrics import MetricsSummary, MetricsSummaryModule
from lexigram.resilience import (
    CircuitBreakerConfig,
    ResilienceConfig,
    ResilienceModule,
    RetryConfig,
)
from lexigram.result import Err, Ok, Result
from lexigram.testing import FaultServer, Reply, fault

TOKEN = "demo-token"  # noqa: S105 - the embedded partner's
COLOURS = {"Ok": "green", "Err": "yellow"}
console = Console(highlight=False)


# --- the service: all that an application of its own would have to write -------------


class Invoice(BaseModel):
    """What the partner knows about an invoice."""

    id: str
    amount_cents: int


@dataclass(frozen=True)
class Partner:
    """Where the partner is, and how we identify ourselves."""

    url: str
    token: str


class BillingClient:
    """Asks the partner for invoices."""

    def __init__(self, http: HTTPClientProtocol, partner: Partner) -> None:
        self._http = http
        self._partner = partner

    async def fetch_invoice(self, invoice_id: str) -> Result[Invoice, str]:
        """Return the invoice, or why there is none."""
        result = await self._http.get(
            f"{self._partner.url}/v1/invoices/{invoice_id}",
            headers={"Authorization": f"Bearer {self._partner.token}"},
            route="/v1/invoices/{id}",
        )
        if result.is_err():
            return Err(f"billing fetch failed: {result.error}")
        body = result.value.json
        return Ok(Invoice(id=body["id"], amount_cents=body["amount_cents"]))


def application(partner: Partner) -> Application:
    """Put the service together."""

    @module(
        imports=[
            HTTPModule.configure(
                HTTPClientConfig(pool=ConnectionPoolConfig(timeout=2.0))
            ),
            ResilienceModule.configure(
                ResilienceConfig(
                    retry=RetryConfig(max_attempts=3, base_delay=0.05, max_delay=0.5),
                    breaker=CircuitBreakerConfig(
                        consecutive_failures=5, open_duration=1.5
                    ),
                )
            ),
            MetricsSummaryModule.configure(),
        ],
        providers=[BillingClient, bind(Partner).to_value(partner)],
    )
    class BillingModule(Module):
        pass

    return Application(BillingModule)


# --- what is shown -------------------------------------------------------------------


class Narrator(logging.Handler):
    """Tells what the policies log while a call is under way."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.retries = 0

    def emit(self, record: logging.LogRecord) -> None:
        """Show one event."""
        facts = vars(record)
        match record.getMessage():
            case "resilience.retry.scheduled":
                self.retries += 1
                text = (
                    f"attempt {facts['attempt']} failed ({facts['reason']}), "
                    f"next one in {facts['delay']:.2f} s"
                )
            case "resilience.breaker.opened":
                text = f"[red]circuit opened[/] for {facts['open_for']:.1f} s"
            case "resilience.breaker.half_open":
                text = "[yellow]circuit half open[/]: probing"
            case "resilience.breaker.closed":
                text = "[green]circuit closed[/]: healed"
            case _:
                return
        console.print(f"        [dim]·[/] {text}")


@dataclass
class Story:
    """Makes calls, shows each one, and keeps count."""

    billing: BillingClient
    partner: Partner
    narrator: Narrator
    outcomes: Counter[str] = field(default_factory=Counter)
    surprises: int = 0
    calls: int = 0

    def act(self, title: str) -> None:
        """Begin a part of the story."""
        console.print(f"\n[bold]{title}[/]")

    async def call(self, invoice_id: str, expected: str = "") -> HTTPClientError | None:
        """Fetch one invoice; return what was raised, if anything was."""
        self.calls += 1
        self.narrator.retries = 0
        began = time.perf_counter()
        error: HTTPClientError | None = None
        try:
            result = await self.billing.fetch_invoice(invoice_id)
        except HTTPClientError as raised:
            error = raised
            outcome, shown = type(raised).__name__, str(raised.args[0])
        else:
            outcome = "Ok" if result else "Err"
            shown = "" if result else result.error
        attempts = error.attempts if error else self.narrator.retries + 1
        seconds = time.perf_counter() - began
        self._show(
            f"{invoice_id:<10} [{COLOURS.get(outcome, 'red')}]{outcome:<24}[/] "
            f"{attempts} attempt{' ' if attempts == 1 else 's'} {seconds:6.3f} s",
            shown.replace(self.partner.url, ""),
        )
        self.outcomes[outcome] += 1
        if expected and outcome != expected:
            self.surprises += 1
            console.print(f"        [red]expected {expected}[/]")
        return error

    def _show(self, call: str, detail: str) -> None:
        console.print(f"  {self.calls:>4}  {call}")
        if detail:
            console.print(Padding(Text(detail, style="dim"), (0, 0, 0, 8)))


def summarize(story: Story, metrics: MetricsSummary) -> None:
    """Show what became of the calls, and how long they took."""
    table = Table(title="\nSummary", title_justify="left")
    table.add_column("outcome")
    table.add_column("calls", justify="right")
    for outcome, count in story.outcomes.most_common():
        table.add_row(outcome, str(count))
    console.print(table)
    metrics.print(console)


# --- the partner's day ----------------------------------------------------------------


def rehearse(server: FaultServer) -> None:
    """Teach the embedded partner its answers."""
    invoice = Reply(200, json={"id": "inv_1", "amount_cents": 4200})
    busy = Reply(503, headers={"Retry-After": "1"})
    routes = server.on
    routes.get("/v1/invoices/inv_1").respond(
        200, json={"id": "inv_1", "amount_cents": 4200}
    )
    routes.get("/v1/invoices/missing").respond(404, json={"title": "No such invoice"})
    routes.get("/v1/invoices/slow").respond(200, json={}, delay=30)
    routes.get("/v1/invoices/busy").sequence(busy, invoice)
    routes.get("/v1/invoices/reset").sequence(
        fault.reset(), fault.reset(), invoice, then="cycle"
    )


async def tell(story: Story, server: FaultServer) -> None:
    """Go through the partner's day."""
    story.act("The partner answers")
    for _ in range(20):
        await story.call("inv_1", "Ok")
    story.act("It does not know an invoice: that is an answer, and no reason to repeat")
    await story.call("missing", "Err")
    story.act("It is slow: the timeout of 2 s bounds the whole call")
    await story.call("slow", "Err")
    story.act("It answers 503 with Retry-After: 1, which is waited for in full")
    await story.call("busy", "Ok")
    story.act("It resets connections: the third attempt gets through")
    await story.call("reset", "Ok")
    await story.call("reset", "Ok")
    await lose_and_heal(story, server)


async def lose_and_heal(story: Story, server: FaultServer) -> None:
    """Take the partner down until the circuit opens, and bring it back."""
    story.act("It goes down: retries are used up, then the circuit opens")
    await server.down()
    await story.call("inv_1", "HTTPRetryExhaustedError")
    error = await story.call("inv_1", "HTTPCircuitOpenError")
    for _ in range(3):
        error = await story.call("inv_1", "HTTPCircuitOpenError")
    await server.up()
    story.act("It is up again: once the circuit's wait is over, probes close it")
    if isinstance(error, HTTPCircuitOpenError) and error.retry_after:
        await asyncio.sleep(error.retry_after)
    for _ in range(5):
        await story.call("inv_1", "Ok")


async def visit(story: Story, calls: int) -> None:
    """Ask a real partner for the same invoice a few times."""
    story.act("Asking the partner")
    for _ in range(calls):
        await story.call("inv_1")
    # An error status is an answer; what is raised or never came is not.
    story.surprises = story.calls - story.outcomes["Ok"] - story.outcomes["Err"]


# --- the program ----------------------------------------------------------------------


@asynccontextmanager
async def embedded() -> AsyncIterator[FaultServer]:
    """Run the partner inside this process."""
    # Not strict: when the story is interrupted, some answers were never asked for.
    async with FaultServer.run(strict="lenient") as server:
        rehearse(server)
        yield server


async def run(partner: Partner, day: Callable[[Story], Awaitable[None]]) -> int:
    """Boot the service, live through the day, show the summary."""
    async with application(partner) as app:
        metrics = await app.resolve(MetricsSummary)
        narrator = Narrator()
        policies = logging.getLogger("lexigram.resilience")
        policies.setLevel(logging.DEBUG)
        policies.addHandler(narrator)
        policies.propagate = False
        story = Story(await app.resolve(BillingClient), partner, narrator)
        try:
            await day(story)
        finally:
            policies.removeHandler(narrator)
            summarize(story, metrics)
    if story.surprises:
        console.print(f"[red]{story.surprises} calls did not go as expected.[/]")
    return 1 if story.surprises else 0


async def main(url: str | None, token: str, calls: int) -> int:
    """Run against `url`, or against an embedded partner."""
    if url is not None:
        return await run(
            Partner(url.rstrip("/"), token), lambda story: visit(story, calls)
        )
    async with embedded() as server:
        return await run(
            Partner(server.base_url, TOKEN), lambda story: tell(story, server)
        )


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--url", help="a real partner: GET URL/v1/invoices/inv_1")
    parser.add_argument("--token", default=TOKEN, help="its bearer token")
    parser.add_argument("--calls", type=int, default=20, help="how many with --url")
    return parser.parse_args()


if __name__ == "__main__":
    given = arguments()
    # The story tells what happens; logs would tell it a second time.
    logging.basicConfig(level=logging.ERROR)
    with suppress(KeyboardInterrupt):
        sys.exit(asyncio.run(main(given.url, given.token, given.calls)))
    console.print("Interrupted.")
    sys.exit(1)
