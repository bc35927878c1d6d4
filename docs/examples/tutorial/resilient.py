"""The same, with policies: one import more."""

import asyncio

from billing import BillingClient, Partner

from lexigram import Application
from lexigram.contracts.web import HTTPClientError
from lexigram.di import Module, bind, module
from lexigram.http import HTTPModule
from lexigram.resilience import (
    CircuitBreakerConfig,
    ResilienceConfig,
    ResilienceModule,
    RetryConfig,
)
from lexigram.testing import FaultServer, Reply, virtual_time

POLICIES = ResilienceConfig(
    retry=RetryConfig(max_attempts=3),
    breaker=CircuitBreakerConfig(consecutive_failures=5, open_duration=30),
)


def application(partner: Partner) -> Application:
    """Put the service together."""

    @module(
        imports=[HTTPModule.configure(), ResilienceModule.configure(POLICIES)],
        providers=[BillingClient, bind(Partner).to_value(partner)],
    )
    class BillingModule(Module):
        pass

    return Application(BillingModule)


async def ask(billing: BillingClient) -> None:
    """Ask once, and print what comes of it."""
    try:
        print(await billing.fetch_invoice("inv_1"))
    except HTTPClientError as error:
        print(f"{type(error).__name__} after {error.attempts} attempts")


async def main() -> None:
    """Live through an outage. The time is virtual: nobody waits for it."""
    invoice = Reply(json={"id": "inv_1", "amount_cents": 4200})
    async with virtual_time(), FaultServer.run() as server:
        server.on.get("/v1/invoices/inv_1").sequence(
            Reply(503), Reply(503), invoice, then="repeat_last"
        )
        async with application(Partner(server.base_url)) as app:
            billing = await app.resolve(BillingClient)
            print("The partner stumbles:")
            await ask(billing)
            await server.down()
            print("It is down:")
            for _ in range(3):
                await ask(billing)
            await server.up()
            await asyncio.sleep(30)
            print("It is up again, and the circuit's wait is over:")
            await ask(billing)


if __name__ == "__main__":
    asyncio.run(main())
