"""Clients of one upstream and listings, which stand on any client."""

from lexigram.contracts.web import HTTPClientProtocol
from lexigram.http import BaseURLHTTPClient
from lexigram.http.pagination import PaginationError, paginate
from lexigram.testing.conformance import Backend, Scenario, other_origin


async def a_template(client: HTTPClientProtocol, backend: Backend) -> None:
    backend.on.get("/v1/files/a%2Fb%20c").respond(text="there")
    upstream = BaseURLHTTPClient(
        f"{backend.base_url}/v1", client=client, params={"v": 1}, auth=("u", "p")
    )
    await upstream.get("files/{name}", path_params={"name": "a/b c"})


async def a_url_elsewhere(client: HTTPClientProtocol, backend: Backend) -> None:
    backend.on.get("/v1").respond()
    upstream = BaseURLHTTPClient(
        f"{other_origin(backend)}/v1", client=client, auth=("u", "p")
    )
    await upstream.get(f"{backend.base_url}/v1", allow_absolute=True)


async def a_listing(client: HTTPClientProtocol, backend: Backend) -> None:
    for page in (1, 2):
        backend.on.get("/bills", params={"n": "5", "page": str(page)}).respond(
            json=[page], headers={"Link": f'<?n=5&page={page + 1}>; rel="next"'}
        )
    backend.on.get("/bills", params={"n": "5", "page": "3"}).respond(json=[3])
    url = f"{backend.base_url}/bills"
    async for _ in paginate(client, url, params={"n": 5, "page": 1}):
        pass


async def a_circle(client: HTTPClientProtocol, backend: Backend) -> None:
    backend.on.get("/bills").respond(headers={"Link": "<?page=1>; rel=next"})
    try:
        async for _ in paginate(
            client, f"{backend.base_url}/bills", params={"page": 1}
        ):
            pass
    except PaginationError:
        return
    raise AssertionError("the circle was not seen")


SCENARIOS = [
    Scenario(name="a template", run=a_template),
    Scenario(name="a URL elsewhere", run=a_url_elsewhere),
    Scenario(name="a listing", run=a_listing),
    Scenario(name="a circle of pages", run=a_circle),
]
