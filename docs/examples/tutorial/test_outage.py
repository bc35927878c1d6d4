"""The application as it is, against a server that fails."""

import asyncio

import pytest
from billing import BillingClient, Partner
from resilient import application

from lexigram.contracts.web import HTTPCircuitOpenError, HTTPRetryExhaustedError
from lexigram.testing import FaultServer, Reply, fault, virtual_time

INVOICE = Reply(json={"id": "inv_1", "amount_cents": 4200})


@pytest.mark.parametrize("trouble", [Reply(503), fault.reset(), fault.close()], ids=str)
async def test_one_failure_goes_unnoticed(trouble: Reply) -> None:
    async with virtual_time(), FaultServer.run() as server:
        server.on.get("/v1/invoices/inv_1").sequence(trouble, INVOICE)
        async with application(Partner(server.base_url)) as app:
            billing = await app.resolve(BillingClient)

            assert (await billing.fetch_invoice("inv_1")).is_ok()

        server.calls.assert_count(2)


async def test_an_outage_is_not_answered_with_more_load() -> None:
    async with virtual_time(), FaultServer.run() as server:
        server.on.get("/v1/invoices/inv_1").respond(INVOICE).optional()
        await server.down()
        async with application(Partner(server.base_url)) as app:
            billing = await app.resolve(BillingClient)

            with pytest.raises(HTTPRetryExhaustedError):
                await billing.fetch_invoice("inv_1")
            with pytest.raises(HTTPCircuitOpenError):
                await billing.fetch_invoice("inv_1")
            with pytest.raises(HTTPCircuitOpenError) as refused:
                await billing.fetch_invoice("inv_1")
            assert refused.value.attempts == 0

            await server.up()
            await asyncio.sleep(refused.value.retry_after or 0)
            assert (await billing.fetch_invoice("inv_1")).is_ok()
