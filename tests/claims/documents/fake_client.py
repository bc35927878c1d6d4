from lexigram.contracts.web import HTTPClientProtocol, HttpResponse
from lexigram.result import Ok

class FakeHTTPClient(HTTPClientProtocol):
    async def get(self, url, **kwargs):
        return Ok(HttpResponse(status=200, url=url, method="GET", json={"id": "inv_1"}))

    # ... other verbs as needed

async def test_fetch_invoice() -> None:
    client = BillingClient(http=FakeHTTPClient())
    result = await client.fetch_invoice("inv_1")
    assert result.is_ok()
