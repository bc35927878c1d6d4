"""The service alone, with a fake in the place of the client."""

import pytest
from billing import BillingClient, Invoice, Partner

from lexigram.contracts.web import HTTPConnectionError
from lexigram.testing import FakeHTTPClient

PARTNER = Partner("https://partner.test")


async def test_an_invoice(fake_http: FakeHTTPClient) -> None:
    fake_http.on.get("https://partner.test/v1/invoices/{id}").respond(
        json={"id": "inv_1", "amount_cents": 4200}
    )

    result = await BillingClient(fake_http, PARTNER).fetch_invoice("inv_1")

    assert result.unwrap() == Invoice("inv_1", 4200)


async def test_an_invoice_that_is_not_there(fake_http: FakeHTTPClient) -> None:
    fake_http.on.get("https://partner.test/v1/invoices/{id}").respond(404)

    result = await BillingClient(fake_http, PARTNER).fetch_invoice("inv_9")

    assert result.unwrap_err() == "there is no invoice inv_9"


@pytest.mark.parametrize("status", [500, 503])
async def test_a_partner_in_trouble(fake_http: FakeHTTPClient, status: int) -> None:
    fake_http.on.get("https://partner.test/v1/invoices/{id}").respond(status)

    result = await BillingClient(fake_http, PARTNER).fetch_invoice("inv_1")

    assert result.unwrap_err() == "the partner cannot say: HTTPStatusError"


async def test_a_partner_that_is_gone(fake_http: FakeHTTPClient) -> None:
    fake_http.on.get("https://partner.test/v1/invoices/{id}").fail(
        HTTPConnectionError("no route to host", failure="connect")
    )

    result = await BillingClient(fake_http, PARTNER).fetch_invoice("inv_1")

    assert result.unwrap_err() == "the partner cannot say: HTTPConnectionError"
