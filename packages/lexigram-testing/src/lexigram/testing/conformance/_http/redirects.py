"""HTTP-080 to 099: redirects (RFC 9110 §15.4)."""

from __future__ import annotations

from lexigram.contracts.web import (
    HTTPClientProtocol,
    HTTPRedirectError,
    HTTPTooManyRedirectsError,
)
from lexigram.testing.conformance._backend import Backend, other_origin
from lexigram.testing.conformance._expectations import (
    expect_calls,
    expect_equal,
    expect_err,
    expect_ok,
)
from lexigram.testing.conformance._http.opening import client_behaviour

_REDIRECTS = (301, 302, 303, 307, 308)


@client_behaviour("HTTP-080")
async def redirects_are_followed(client: HTTPClientProtocol, backend: Backend) -> None:
    """A redirect is followed; the response says the URL that answered."""
    backend.on.get("/end").respond(text="there")
    for status in _REDIRECTS:
        backend.on.get(f"/{status}").respond(status, headers={"Location": "/end?p=2"})
        response = expect_ok(
            await client.get(
                f"{backend.base_url}/{status}", params={"p": 1}, follow_redirects=True
            )
        )
        expect_equal(f"The text after {status}", response.text, "there")
        expect_equal(
            f"The URL after {status}", response.url, f"{backend.base_url}/end?p=2"
        )


@client_behaviour("HTTP-081")
async def a_redirect_that_is_not_followed_is_ok(
    client: HTTPClientProtocol, backend: Backend
) -> None:
    """With `follow_redirects=False` a redirect is `Ok`, as it is."""
    for status in _REDIRECTS:
        backend.on.get(f"/{status}").respond(status, headers={"Location": "/end"})
        response = expect_ok(
            await client.get(f"{backend.base_url}/{status}", follow_redirects=False)
        )
        expect_equal("The status", response.status, status)
        expect_equal("Its Location", response.headers.get("location"), "/end")
    expect_calls(backend, len(_REDIRECTS))


@client_behaviour("HTTP-082")
async def a_redirect_may_change_the_method(
    client: HTTPClientProtocol, backend: Backend
) -> None:
    """POST becomes GET without a body after 301, 302 and 303, and stays after 307, 308."""
    backend.on("*", "/end").respond()
    for status in _REDIRECTS:
        backend.on.post(f"/{status}").respond(status, headers={"Location": "/end"})
        await client.post(
            f"{backend.base_url}/{status}", json={"a": 1}, follow_redirects=True
        )
        request = backend.calls[-1].request
        kept = status in {307, 308}
        expect_equal(
            f"The method after {status}", request.method, "POST" if kept else "GET"
        )
        expect_equal(
            f"The body after {status}", request.body, b'{"a":1}' if kept else b""
        )
        expect_equal(
            f"The Content-Type after {status}",
            request.headers.get("content-type"),
            "application/json" if kept else None,
        )


@client_behaviour("HTTP-083")
async def credentials_stay_with_their_origin(
    client: HTTPClientProtocol, backend: Backend
) -> None:
    """Credentials go along to a target of the same origin, and to no other."""
    target = f"{other_origin(backend)}/end"
    credentials = {
        "Authorization": "Bearer s3cret",
        "Cookie": "session=s3cret",
        "Proxy-Authorization": "Basic s3cret",
        "X-Partner-Key": "s3cret",
    }
    backend.on.get("/end").respond()
    for path, location in (("/same", "/end"), ("/other", target)):
        backend.on.get(path).respond(302, headers={"Location": location})
        await client.get(
            f"{backend.base_url}{path}",
            headers={**credentials, "Accept": "text/x-test"},
            follow_redirects=True,
        )
        sent = backend.calls[-1].request.headers
        expect_equal(f"Accept sent to {location}", sent.get("accept"), "text/x-test")
        for name, value in credentials.items():
            expected = value if location == "/end" else None
            expect_equal(f"{name} sent to {location}", sent.get(name), expected)


@client_behaviour("HTTP-084")
async def redirects_have_an_end(client: HTTPClientProtocol, backend: Backend) -> None:
    """A loop of redirects is `Err(HTTPTooManyRedirectsError)` after its limit."""
    backend.on.get("/x").respond(302, headers={"Location": "/x"})
    result = await client.get(f"{backend.base_url}/x", follow_redirects=True)
    error = expect_err(result, HTTPTooManyRedirectsError)
    expect_calls(backend, error.limit + 1)


@client_behaviour("HTTP-085")
async def an_unusable_target_is_an_err(
    client: HTTPClientProtocol, backend: Backend
) -> None:
    """A target that is no http(s) URL is `Err(HTTPRedirectError)`."""
    for number, target in enumerate(
        ("ftp://api.test/x", "file:///etc", "http://api.test:port/")
    ):
        backend.on.get(f"/{number}").respond(302, headers={"Location": target})
        result = await client.get(f"{backend.base_url}/{number}", follow_redirects=True)
        expect_err(result, HTTPRedirectError)


@client_behaviour("HTTP-086")
async def a_redirect_without_a_target_is_a_response(
    client: HTTPClientProtocol, backend: Backend
) -> None:
    """A redirect without a Location, and a 300, are `Ok` as they are."""
    backend.on.get("/302").respond(302)
    backend.on.get("/300").respond(300, headers={"Location": "/end"})
    for status in (302, 300):
        result = await client.get(f"{backend.base_url}/{status}", follow_redirects=True)
        expect_equal("The status", expect_ok(result).status, status)


@client_behaviour("HTTP-087", needs={"tls"})
async def https_is_not_left_for_http(
    client: HTTPClientProtocol, backend: Backend
) -> None:
    """A redirect from https to http is `Err(HTTPRedirectError)`."""
    plain = backend.base_url.replace("https:", "http:", 1)
    backend.on.get("/x").respond(302, headers={"Location": f"{plain}/end"})
    result = await client.get(f"{backend.base_url}/x", follow_redirects=True)
    expect_err(result, HTTPRedirectError)
    expect_calls(backend, 1)
