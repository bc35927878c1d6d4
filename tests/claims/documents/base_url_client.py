from lexigram.http import BaseURLHTTPClient

async with BaseURLHTTPClient(
    base_url="https://api.partner.example.com/v1",
    headers={"Authorization": f"Bearer {token}"},
    timeout=60.0,
) as client:
    resp = await client.post("/invoices", json={"amount_cents": 4200})
    resp.raise_for_status()
