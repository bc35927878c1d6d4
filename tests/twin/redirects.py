"""Redirects, hop by hop."""

from typing import Any

from lexigram.contracts.web import HTTPClientProtocol
from lexigram.testing.conformance import Backend, Scenario, other_origin


def redirected(
    name: str,
    location: str = "/end",
    *,
    status: int = 302,
    method: str = "GET",
    wiring: dict[str, Any] | None = None,
    differs: dict[str, str] | None = None,
    **options: Any,
) -> Scenario:
    """One call whose answer redirects."""

    async def run(client: HTTPClientProtocol, backend: Backend) -> None:
        target = location.replace("{other}", other_origin(backend))
        target = target.replace("{base}", backend.base_url)
        backend.on(method, "/start").respond(status, headers={"Location": target})
        backend.on("*", "/end").respond(text="there").optional()
        backend.on("*", "/a/end").respond(text="there too").optional()
        url = f"{backend.base_url}/start"
        await client.request(method, url, **options)

    return Scenario(
        name=name, run=run, wiring=lambda: dict(wiring or {}), differs=differs or {}
    )


async def a_loop(client: HTTPClientProtocol, backend: Backend) -> None:
    backend.on.get("/x").respond(302, headers={"Location": "/x"})
    await client.get(f"{backend.base_url}/x")


async def a_chain(client: HTTPClientProtocol, backend: Backend) -> None:
    for hop in range(4):
        backend.on.get(f"/{hop}").respond(307, headers={"Location": f"/{hop + 1}"})
    backend.on.get("/4").respond(503, text="down")
    await client.get(f"{backend.base_url}/0", headers={"X-Trace": "t"})


async def no_location(client: HTTPClientProtocol, backend: Backend) -> None:
    backend.on.get("/x").respond(302)
    await client.get(f"{backend.base_url}/x")


SECRETS = {
    "Authorization": "Bearer s3cret",
    "Cookie": "a=1",
    "X-Api-Key": "s3cret",
    "Accept-Language": "de",
}

SCENARIOS = [
    *(redirected(f"GET after {s}", status=s) for s in (301, 302, 303, 307, 308)),
    *(
        redirected(f"{method} after {s}", status=s, method=method, json={"a": 1})
        for method in ("POST", "PUT", "DELETE")
        for s in (301, 302, 303, 307, 308)
    ),
    redirected("HEAD after 303", status=303, method="HEAD"),
    redirected("not followed", follow_redirects=False),
    redirected("an absolute target", "{base}/end?a=1"),
    redirected("a target with a query and a fragment", "/end?a=1#part"),
    redirected("a relative target", "a/end"),
    redirected("a target with dots", "./a/../end"),
    redirected("a target that is not ASCII", "/end?q=ü"),
    redirected("a target of the same origin keeps secrets", headers=SECRETS),
    redirected("another origin gets no secrets", "{other}/end", headers=SECRETS),
    redirected(
        "POST to another origin", "{other}/end", status=307, method="POST", json={}
    ),
    redirected("an unusable scheme", "ftp://api.test/x"),
    redirected("a port that is none", "http://api.test:port/"),
    redirected("an empty target", ""),
    redirected("none are allowed", wiring={"max_redirects": 0}),
    Scenario(run=a_loop),
    Scenario(run=a_loop, name="a short loop", wiring=lambda: {"max_redirects": 2}),
    Scenario(run=a_chain),
    Scenario(run=no_location),
]
