"""What httpbin saw and what it sends, as somebody else understands HTTP."""

import asyncio
import base64
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from lexigram.contracts.web import (
    FilePart,
    HTTPDecodeError,
    HTTPStatusError,
    HTTPTimeoutError,
)
from lexigram.http import HTTPClient, HTTPClientConfig
from programs import Program


async def fetch(program: Program, path: str, **options: Any) -> Any:
    """Return the JSON that a GET is answered with."""
    async with HTTPClient() as client:
        return (await client.get(program.url("http", path), **options)).unwrap().json


async def cookies_of(program: Program, config: HTTPClientConfig, host: str) -> Any:
    """Return which cookies are sent after some were set and one was deleted."""
    start = program.url("http").replace("127.0.0.1", host)
    async with HTTPClient(config) as client:
        for path in ("/cookies/set?a=1&b=2", "/cookies/set/c/3", "/cookies/delete?b"):
            (await client.get(f"{start}{path}")).unwrap()
        return (await client.get(f"{start}/cookies")).unwrap().json["cookies"]


async def pieces(*texts: str) -> AsyncIterator[bytes]:
    """Return a body of which nobody knows the length."""
    for text in texts:
        yield text.encode()


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
async def test_methods_arrive_with_query_fields_and_body(
    httpbin: Program, method: str
) -> None:
    async with HTTPClient() as client:
        response = await client.request(
            method,
            httpbin.url("http", "/anything/a%20b/%C3%A9?x=1"),
            params=[("x", 2), ("ü", "a&b=c d"), ("y", "")],
            headers={"X-One": "1"},
            json={"text": "日本 €", "number": 1.5},
        )
    seen = response.json
    assert seen["method"] == method
    assert seen["args"] == {"x": ["1", "2"], "ü": "a&b=c d", "y": ""}
    assert seen["json"] == {"text": "日本 €", "number": 1.5}
    assert seen["headers"]["X-One"] == "1"
    assert seen["headers"]["Content-Type"] == "application/json"
    assert unquote(seen["url"].partition("?")[0]).endswith("/anything/a b/é")


async def test_a_form_arrives_as_a_form(httpbin: Program) -> None:
    async with HTTPClient() as client:
        url = httpbin.url("http", "/post")
        form = {"a": "1 +&=", "ü": ["x", "y"]}
        seen = (await client.post(url, data=form)).unwrap().json
    assert seen["form"] == {"a": "1 +&=", "ü": ["x", "y"]}
    assert seen["data"] == ""


async def test_bytes_arrive_as_they_are(httpbin: Program) -> None:
    body = bytes(range(256))
    async with HTTPClient() as client:
        url = httpbin.url("http", "/post")
        seen = (await client.post(url, data=body)).unwrap().json
    assert base64.b64decode(seen["data"].partition(",")[2]) == body


async def test_files_arrive_as_files_beside_the_fields(
    httpbin: Program, tmp_path: Path
) -> None:
    (tmp_path / "page.txt").write_text("from a file\n")
    files: list[tuple[str, Path | FilePart]] = [
        ("upload", FilePart(b"one\r\ntwo", 'naïve "x".txt', "text/plain")),
        ("page", tmp_path / "page.txt"),
        ("stream", FilePart(pieces("a", "b"), "stream.txt", "text/plain")),
    ]
    async with HTTPClient() as client:
        url = httpbin.url("http", "/post")
        form = {"kind": "pdf", "ü": ["x", "--y"]}
        seen = (await client.post(url, data=form, files=files)).unwrap().json
    assert seen["files"] == {
        "upload": "one\r\ntwo",
        "page": "from a file\n",
        "stream": "ab",
    }
    assert seen["form"] == {"kind": "pdf", "ü": ["x", "--y"]}
    assert seen["headers"]["Content-Type"].startswith("multipart/form-data; boundary=")


async def test_a_body_in_pieces_arrives_whole(httpbin: Program) -> None:
    async with HTTPClient() as client:
        url = httpbin.url("http", "/post")
        seen = (await client.post(url, content=pieces("a", "", "ü"))).unwrap().json
    assert seen["data"] == "aü"


@pytest.mark.parametrize(
    ("path", "field"),
    [("/gzip", "gzipped"), ("/deflate", "deflated"), ("/brotli", "brotli")],
)
async def test_codings_are_taken_off(httpbin: Program, path: str, field: str) -> None:
    seen = await fetch(httpbin, path)
    assert seen[field] is True
    offered = {name.strip() for name in seen["headers"]["Accept-Encoding"].split(",")}
    assert {"gzip", "deflate"} <= offered


@pytest.mark.parametrize("status", [200, 204, 299, 300, 304, 399])
async def test_a_status_below_400_is_a_success(httpbin: Program, status: int) -> None:
    async with HTTPClient() as client:
        response = (await client.get(httpbin.url("http", f"/status/{status}"))).unwrap()
    assert (response.status, response.attempts) == (status, 1)


@pytest.mark.parametrize(
    ("status", "attempts"), [(400, 1), (404, 1), (418, 1), (499, 1), (500, 3), (503, 3)]
)
async def test_a_status_from_400_is_an_error_repeated_where_it_may_pass(
    httpbin: Program, status: int, attempts: int
) -> None:
    async with HTTPClient() as client:
        url = httpbin.url("http", f"/status/{status}")
        error = (await client.get(url)).unwrap_err()
        once = (await client.post(url)).unwrap_err()
    assert isinstance(error, HTTPStatusError)
    assert (error.status, error.attempts, once.attempts) == (status, attempts, 1)


@pytest.mark.parametrize(
    "path", ["/redirect/5", "/relative-redirect/5", "/absolute-redirect/5"]
)
async def test_chains_of_redirects_are_followed(httpbin: Program, path: str) -> None:
    async with HTTPClient() as client:
        response = (await client.get(httpbin.url("http", path))).unwrap()
        stopped = await client.request(
            "GET", httpbin.url("http", path), follow_redirects=False
        )
    assert response.url == httpbin.url("http", "/get")
    assert stopped.status == 302
    assert "location" in stopped.headers


@pytest.mark.parametrize(
    ("status", "method"), [(302, "GET"), (303, "GET"), (307, "POST"), (308, "POST")]
)
async def test_a_redirected_post_keeps_its_body_with_307_and_308_alone(
    httpbin: Program, status: int, method: str
) -> None:
    async with HTTPClient() as client:
        url = httpbin.url("http", "/redirect-to")
        target: dict[str, str | int] = {
            "url": "/anything?from=there",
            "status_code": status,
        }
        seen = (await client.post(url, params=target, data="body")).unwrap().json
    assert seen["method"] == method
    assert seen["data"] == ("body" if method == "POST" else "")
    assert seen["args"] == {"from": "there"}


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
async def test_cookies_are_kept_until_they_are_deleted(
    httpbin: Program, host: str
) -> None:
    seen = await cookies_of(httpbin, HTTPClientConfig(), host)
    assert seen == {"a": "1", "c": "3"}


async def test_no_cookies_are_kept_where_none_are_wanted(httpbin: Program) -> None:
    config = HTTPClientConfig(cookie_jar=False)
    assert await cookies_of(httpbin, config, "localhost") == {}


async def test_cookies_of_one_client_are_not_those_of_another(httpbin: Program) -> None:
    start = httpbin.url("http").replace("127.0.0.1", "localhost")
    async with HTTPClient() as one, HTTPClient() as other:
        (await one.get(f"{start}/cookies/set/a/1")).unwrap()
        seen = [
            (await client.get(f"{start}/cookies")).unwrap().json["cookies"]
            for client in (one, other)
        ]
    assert seen == [{"a": "1"}, {}]


async def test_repeated_fields_stay_apart(httpbin: Program) -> None:
    async with HTTPClient() as client:
        url = httpbin.url("http", "/response-headers?X-Many=1&X-Many=b%2C%20c")
        response = (await client.get(url)).unwrap()
        cookies = await client.request(
            "GET", httpbin.url("http", "/cookies/set?a=1&b=2"), follow_redirects=False
        )
    assert response.headers.get_all("x-many") == ["1", "b, c"]
    assert len(cookies.headers.get_all("set-cookie")) == 2


async def test_credentials_are_refused_and_accepted(httpbin: Program) -> None:
    async with HTTPClient() as client:
        url = httpbin.url("http", "/basic-auth/u/p%40ss")
        refused = (await client.get(url)).unwrap_err()
        assert isinstance(refused, HTTPStatusError)
        assert (refused.status, refused.attempts) == (401, 1)
        assert refused.response.headers["www-authenticate"].startswith("Basic ")
        seen = (await client.get(url, auth=("u", "p@ss"))).unwrap().json
    assert seen["user"] == "u"


async def test_a_delay_ends_the_call_and_not_the_client(httpbin: Program) -> None:
    async with HTTPClient() as client:
        url = httpbin.url("http", "/delay/2")
        error = (await client.get(url, timeout=0.2)).unwrap_err()
        assert isinstance(error, HTTPTimeoutError)
        assert (error.phase, error.request_sent) == ("total", "maybe")
        assert (await client.get(httpbin.url("http", "/get"))).unwrap().ok


async def test_a_body_that_drips_arrives_or_ends_with_the_call(
    httpbin: Program,
) -> None:
    async with HTTPClient() as client:
        url = httpbin.url("http", "/drip?numbytes=10&delay=0&duration=0.3")
        assert (await client.get(url)).unwrap().body == b"*" * 10
        url = httpbin.url("http", "/drip?numbytes=10&delay=0&duration=3")
        error = (await client.get(url, timeout=0.2)).unwrap_err()
    assert isinstance(error, HTTPTimeoutError)
    assert error.request_sent == "yes"


async def test_chunks_become_one_body(httpbin: Program) -> None:
    async with HTTPClient() as client:
        chunked = (
            await client.get(httpbin.url("http", "/stream-bytes/100000?seed=6"))
        ).unwrap()
        plain = (await client.get(httpbin.url("http", "/bytes/100000?seed=6"))).unwrap()
        lines = (await client.get(httpbin.url("http", "/stream/20"))).unwrap()
    assert "content-length" not in chunked.headers
    assert plain.content_length == 100_000
    assert len(chunked.body) == 100_000
    assert lines.text.count("\n") == 20


async def test_text_and_json_are_read_by_their_charset(httpbin: Program) -> None:
    async with HTTPClient() as client:
        page = (await client.get(httpbin.url("http", "/encoding/utf8"))).unwrap()
        assert "STARGΛ̊TE" in page.text
        slides = (await client.get(httpbin.url("http", "/json"))).unwrap()
        assert slides.json["slideshow"]["author"] == "Yours Truly"
        html = (await client.get(httpbin.url("http", "/html"))).unwrap()
        with pytest.raises(HTTPDecodeError, match="text/html"):
            _ = html.json


async def test_conditions_and_parts_are_understood(httpbin: Program) -> None:
    async with HTTPClient() as client:
        tagged = httpbin.url("http", "/etag/v1")
        same = await client.request("GET", tagged, headers={"If-None-Match": '"v1"'})
        other = await client.request("GET", tagged, headers={"If-Match": '"v2"'})
        part = (
            await client.get(
                httpbin.url("http", "/range/26"), headers={"Range": "bytes=2-4"}
            )
        ).unwrap()
    assert (same.status, other.status) == (304, 412)
    assert (part.status, part.text) == (206, "cde")


async def test_forty_at_once_are_answered_each_by_its_own(httpbin: Program) -> None:
    async with HTTPClient() as client:
        calls = [
            client.get(httpbin.url("http", "/anything"), params={"n": n})
            for n in range(40)
        ]
        answers = [result.unwrap().json for result in await asyncio.gather(*calls)]
    assert [answer["args"]["n"] for answer in answers] == [str(n) for n in range(40)]
