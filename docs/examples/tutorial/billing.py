"""The service: it depends on contracts alone."""

from dataclasses import dataclass

from lexigram.contracts.web import HTTPClientProtocol, HTTPStatusError
from lexigram.result import Err, Ok, Result


@dataclass(frozen=True)
class Invoice:
    """What the partner knows of an invoice."""

    id: str
    amount_cents: int


@dataclass(frozen=True)
class Partner:
    """Where the partner is."""

    url: str


class BillingClient:
    """Asks the partner for invoices."""

    def __init__(self, http: HTTPClientProtocol, partner: Partner) -> None:
        self._http = http
        self._partner = partner

    async def fetch_invoice(self, invoice_id: str) -> Result[Invoice, str]:
        """Return the invoice, or why there is none."""
        result = await self._http.get(
            f"{self._partner.url}/v1/invoices/{invoice_id}",
            route="/v1/invoices/{id}",
        )
        if result.is_ok():
            body = result.value.json
            return Ok(Invoice(body["id"], body["amount_cents"]))
        error = result.error
        if isinstance(error, HTTPStatusError) and error.status == 404:
            return Err(f"there is no invoice {invoice_id}")
        return Err(f"the partner cannot say: {type(error).__name__}")
