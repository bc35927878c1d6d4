"""Nothing that a caller, a variable or an interceptor brings becomes a request of its own."""

from base64 import b64decode
from contextlib import suppress
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lexigram.contracts.web import (
    FilePart,
    HTTPInvalidRequestError,
    InterceptorProtocol,
    RequestContext,
    build_request,
)
from lexigram.http import BaseURLHTTPClient, HTTPClient
from lexigram.testing import FakeHTTPClient, FaultServer

BREAKS = ["\r\n", "\n", "\r", "\0", "\x0b", "\x1f", "\x7f", "\r\nX-Evil: 1\r\n"]


def places(evil: str) -> dict[str, tuple[str, str, dict[str, Any]]]:
    """Return calls with what breaks a line somewhere, by where."""
    return {
        "method": (f"GET{evil}", "/v1", {}),
        "method with a version": ("GET / HTTP/1.1", "/v1", {}),
        "path": ("GET", f"/v1{evil}", {}),
        "query": ("GET", f"/v1?a={evil}b", {}),
        "fragment": ("GET", f"/v1#a{evil}b", {}),
        "header name": ("GET", "/v1", {"headers": {f"X{evil}": "a"}}),
        "header name with a colon": ("GET", "/v1", {"headers": {"X-A: b": "a"}}),
        "header value": ("GET", "/v1", {"headers": {"X-A": f"a{evil}b"}}),
        "end of a header value": ("GET", "/v1", {"headers": {"X-A": f"a{evil}"}}),
        "cookie": ("GET", "/v1", {"headers": {"Cookie": f"a={evil}b"}}),
        "host": ("GET", "/v1", {"headers": {"Host": f"a{evil}b"}}),
        "idempotency key": ("POST", "/v1", {"idempotency_key": f"a{evil}b"}),
        "content type": ("POST", "/v1", {"data": b"", "headers": {"Content-Type": evil}}),
        "part's type": ("POST", "/v1", {"files": {"f": FilePart(b"", content_type=f"a/b{evil}")}}),
        "part's header": ("POST", "/v1", {"files": {"f": FilePart(b"", headers={"X": f"a{evil}b"})}}),
        "part's header name": ("POST", "/v1", {"files": {"f": FilePart(b"", headers={f"X{evil}": "a"})}}),
    }  # fmt: skip


@pytest.mark.parametrize("evil", BREAKS, ids=ascii)
async def test_what_ends_a_line_is_refused_wherever_it_stands(evil: str) -> None:
    async with FaultServer.run() as server, HTTPClient() as client:
        server.on("*", "/v1").optional().respond()
        fake = FakeHTTPClient()
        for place, (method, path, options) in places(evil).items():
            url = f"{server.base_url}{path}"
            for caller in (client, fake):
                with pytest.raises(HTTPInvalidRequestError) as caught:
                    await caller.request(method, url, **options)
                assert caught.value.request_sent == "no", place
            with pytest.raises(HTTPInvalidRequestError):
                client.explain(method, url, **options)
        assert len(server.connections) == 0


@pytest.mark.parametrize("evil", BREAKS, ids=ascii)
async def test_what_can_be_escaped_arrives_as_it_was(evil: str) -> None:
    text = f"a{evil}b"
    async with FaultServer.run() as server, HTTPClient() as client:
        server.on("*", "/v1").respond()
        url = f"{server.base_url}/v1"
        await client.get(url, params={text: text})
        await client.post(url, data={text: text})
        await client.post(url, json={text: text})
        await client.get(url, auth=("me", text)) if "\r" not in text else None
        first, form, data, *_ = server.calls
        assert parse_qsl(urlsplit(first.request.url).query) == [(text, text)]
        assert parse_qsl(form.request.body.decode()) == [(text, text)]
        assert data.request.json == {text: text}
        for call in server.calls:
            assert "x-evil" not in call.request.headers


@pytest.mark.parametrize("evil", [*BREAKS, '"', '"; filename="x', "\\"], ids=ascii)
async def test_names_of_parts_stay_within_their_quotes(evil: str) -> None:
    async with FaultServer.run() as server, HTTPClient() as client:
        server.on("*", "/v1").respond()
        file = FilePart(b"content", filename=f"f{evil}g", content_type="text/plain")
        result = await client.post(f"{server.base_url}/v1", files={f"n{evil}m": file})
        assert result.is_ok()
        body = server.calls.one().request.body
    head, _, rest = body.partition(b"\r\n\r\n")
    assert len(head.split(b"\r\n")) == 3, "delimiter, disposition, type"
    for byte in (b"\r", b"\n"):
        assert byte not in head.replace(b"\r\n", b"")
    assert head.count(b'"') == 4
    assert rest.startswith(b"content\r\n--")


async def test_variables_of_a_path_stay_within_their_segment() -> None:
    async with FaultServer.run() as server:
        server.on("*", "/v1/{id}").respond()
        async with BaseURLHTTPClient(f"{server.base_url}/v1") as client:
            for evil in ("a/b", "a?b=c", "a#b", "a\r\nX-Evil: 1", "a@b:c"):
                await client.request("GET", "/{id}", path_params={"id": evil})
            for up in (".", "..", "../x", "..\\x", "%2e%2e", "//h"):
                with suppress(HTTPInvalidRequestError):
                    await client.request("GET", "/{id}", path_params={"id": up})
        assert len(server.calls) >= 6
        for call in server.calls:
            path = urlsplit(call.request.url).path
            assert path.startswith("/v1/")
            assert path.count("/") == 2
            assert "x-evil" not in call.request.headers


FRAMINGS: dict[str, dict[str, Any]] = {
    "chunked": {"headers": {"Transfer-Encoding": "chunked"}},
    "identity": {"headers": {"Transfer-Encoding": "identity"}},
    "obfuscated": {"headers": {"transfer-ENCODING": "\tchunked, identity"}},
    "with a space": {"headers": {"Transfer-Encoding ": "chunked"}},
    "length and chunked": {
        "content": b"hello",
        "headers": {"Content-Length": "5", "Transfer-Encoding": "chunked"},
    },
    "too short": {"content": b"hello", "headers": {"Content-Length": "4"}},
    "too long": {"content": b"hello", "headers": {"Content-Length": "6"}},
    "without a body": {"headers": {"Content-Length": "6"}},
    "sign": {"content": b"hello", "headers": {"Content-Length": "+5"}},
    "zero before": {"content": b"hello", "headers": {"Content-Length": "05"}},
    "list": {"content": b"hello", "headers": {"Content-Length": "5, 5"}},
    "space before": {"content": b"hello", "headers": {"Content-Length": " 5"}},
    "twice": {
        "content": b"hello",
        "headers": [("Content-Length", "5"), ("content-length", "5")],
    },
    "two hosts": {"headers": [("Host", "a.test"), ("host", "b.test")]},
}


@pytest.mark.parametrize("which", FRAMINGS)
async def test_a_caller_does_not_frame_the_request(which: str) -> None:
    options = FRAMINGS[which]
    async with FaultServer.run() as server, HTTPClient() as client:
        server.on("*", "/v1").optional().respond()
        for caller in (client, FakeHTTPClient()):
            with pytest.raises(HTTPInvalidRequestError):
                await caller.request("POST", f"{server.base_url}/v1", **options)
        assert len(server.connections) == 0


class Writing(InterceptorProtocol):
    """Writes what it is made with into each request."""

    def __init__(self, scope: str, **changes: Any) -> None:
        self.scope = scope
        self._changes = changes

    async def intercept_request(self, context: RequestContext, /) -> RequestContext:
        for name, value in self._changes.items():
            if name == "headers":
                for field, text in value:
                    context.headers.add(field, text)
            else:
                setattr(context, name, value)
        return context


CHANGES: dict[str, dict[str, Any]] = {
    "value": {"headers": [("X-A", "a\r\nX-Evil: 1")]},
    "bare newline": {"headers": [("X-A", "a\nb")]},
    "nul": {"headers": [("X-A", "a\0b")]},
    "name": {"headers": [("X-A: b\r\nX-Evil", "a")]},
    "name with a space": {"headers": [("Transfer-Encoding ", "chunked")]},
    "chunked": {"headers": [("Transfer-Encoding", "chunked")]},
    "length": {"headers": [("Content-Length", "7")]},
    "two lengths": {"headers": [("Content-Length", "0"), ("Content-Length", "0")]},
    "two hosts": {"headers": [("Host", "a.test"), ("Host", "b.test")]},
    "long": {"headers": [("X-A", "a" * 300_000)]},
    "method": {"method": "GET / HTTP/1.1\r\nX-Evil:"},
    "url": {"url": "http://127.0.0.1/\r\nX-Evil: 1"},
}


@pytest.mark.parametrize("scope", ["call", "attempt"])
@pytest.mark.parametrize("which", CHANGES)
async def test_an_interceptor_does_not_either(which: str, scope: str) -> None:
    one = Writing(scope, **CHANGES[which])
    async with FaultServer.run() as server, HTTPClient(interceptors=[one]) as client:
        server.on("*", "/v1").optional().respond()
        with pytest.raises(HTTPInvalidRequestError) as caught:
            await client.request("GET", f"{server.base_url}/v1")
        assert caught.value.request_sent == "no"
        assert len(server.calls) == 0
    fake = FakeHTTPClient(interceptors=[Writing(scope, **CHANGES[which])])
    with pytest.raises(HTTPInvalidRequestError):
        await fake.request("GET", "http://127.0.0.1/v1")


async def test_header_fields_that_no_server_takes_are_refused() -> None:
    async with FaultServer.run() as server, HTTPClient() as client:
        server.on("*", "/v1").respond()
        url = f"{server.base_url}/v1"
        for headers in (
            {"X-A": "a" * 300_000},
            {f"X-{n}": "a" * 100 for n in range(3000)},
        ):
            error = (await client.get(url, headers=headers)).unwrap_err()
            assert isinstance(error, HTTPInvalidRequestError)
            assert "header fields" in str(error)
            assert "in the body" in str(error)
        assert (await client.get(url, headers={"X-A": "a" * 4000})).is_ok()
        assert len(server.calls) == 1


async def test_credentials_of_a_proxy_stay_within_their_field() -> None:
    async with FaultServer.run() as proxy, HTTPClient() as client:
        proxy.on.get("http://api.test/v1").respond()
        through = proxy.base_url.replace("//", "//me%0d%0aX-Evil:%201:p%0aw@")
        result = await client.get("http://api.test/v1", proxy=through)
        if result.is_ok():
            sent = proxy.calls.one().request.headers
            assert "x-evil" not in sent
            _, _, encoded = sent["proxy-authorization"].partition(" ")
            assert b64decode(encoded) == b"me\r\nX-Evil: 1:p\nw"
        else:
            assert isinstance(result.unwrap_err(), HTTPInvalidRequestError)


@settings(deadline=None)
@given(st.text(), st.text(), st.text())
def test_what_is_built_is_one_line_for_each_field(
    path: str, name: str, value: str
) -> None:
    try:
        request = build_request("GET", f"http://h/{path}", {"headers": {name: value}})
    except HTTPInvalidRequestError:
        return
    lines = [
        request.method,
        request.url,
        *(f"{n}: {v}" for n, v in request.headers.pairs),
    ]
    for line in lines:
        assert not set(line) & set("\r\n\0"), line
    assert request.url.isascii() or not set(request.url) & set(" \t")
