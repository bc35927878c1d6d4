from lexigram.http import HTTPClient

async with HTTPClient.session_context() as client:
    # Verb methods (return Result)
    result = await client.get("https://api.example.com/users")
    if result.is_ok():
        users = await result.unwrap().json()

    # With body
    result = await client.post(
        "https://api.example.com/users",
        json={"name": "Alice"},
    )

    # Raw request (returns HttpResponse directly)
    response = await client.request("GET", "https://api.example.com/health")
    if response.ok:
        data = await response.json()
