"""The same, observed: metrics by one import more, logs by the names of the events."""

import asyncio
import logging

from billing import BillingClient, Partner
from resilient import POLICIES

from lexigram import Application
from lexigram.contracts.metrics import MetricsRecorderProtocol
from lexigram.di import Module, bind, module
from lexigram.http import HTTPModule
from lexigram.resilience import ResilienceModule
from lexigram.testing import FaultServer, InMemoryMetrics, Reply, virtual_time

SHOWN = ("http.request.status", "lexigram.resilience.retry.attempts")


def application(partner: Partner, metrics: InMemoryMetrics) -> Application:
    """Put the service together."""

    @module(
        imports=[HTTPModule.configure(), ResilienceModule.configure(POLICIES)],
        providers=[
            BillingClient,
            bind(Partner).to_value(partner),
            bind(MetricsRecorderProtocol).to_value(metrics),
        ],
    )
    class BillingModule(Module):
        pass

    return Application(BillingModule)


class Printed(logging.Handler):
    """Prints the name of each event."""

    def emit(self, record: logging.LogRecord) -> None:
        """Print one."""
        print(f"  {record.levelname:<8}{record.getMessage()}")


async def main() -> None:
    """Make three calls and see what was recorded."""
    policies = logging.getLogger("lexigram.resilience")
    policies.setLevel(logging.DEBUG)
    policies.addHandler(Printed())
    policies.propagate = False
    metrics = InMemoryMetrics()
    invoice = Reply(json={"id": "inv_1", "amount_cents": 4200})
    async with virtual_time(), FaultServer.run() as server:
        server.on.get("/v1/invoices/inv_1").sequence(
            Reply(503), invoice, invoice, Reply(404)
        )
        async with application(Partner(server.base_url), metrics) as app:
            billing = await app.resolve(BillingClient)
            for _ in range(3):
                print(await billing.fetch_invoice("inv_1"))
    for name in SHOWN:
        print(f"{name}: {metrics.value(name):.0f}")


if __name__ == "__main__":
    asyncio.run(main())
