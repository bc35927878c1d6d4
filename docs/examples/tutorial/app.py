"""The application: the service, and a real client for it."""

import asyncio

from billing import BillingClient, Partner

from lexigram import Application
from lexigram.di import Module, bind, module
from lexigram.http import HTTPModule
from lexigram.testing import FaultServer


def application(partner: Partner) -> Application:
    """Put the service together."""

    @module(
        imports=[HTTPModule.configure()],
        providers=[BillingClient, bind(Partner).to_value(partner)],
    )
    class BillingModule(Module):
        pass

    return Application(BillingModule)


async def main() -> None:
    """Ask a partner on this machine."""
    async with FaultServer.run() as server:
        server.on.get("/v1/invoices/inv_1").respond(
            json={"id": "inv_1", "amount_cents": 4200}
        )
        async with application(Partner(server.base_url)) as app:
            billing = await app.resolve(BillingClient)
            print(await billing.fetch_invoice("inv_1"))


if __name__ == "__main__":
    asyncio.run(main())
