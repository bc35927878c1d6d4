"""Redirects are followed by the book, and nothing meant for one host reaches another."""

from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lexigram.contracts.web import (
    HTTPRedirectError,
    HttpResponse,
    HTTPTooManyRedirectsError,
    MutableHeaders,
    RequestContext,
    check_url,
)
from lexigram.contracts.web.calling import follow_redirects, next_request


def redirected(
    url: str, location: str, status: int = 302, **request: object
) -> RequestContext | None:
    request = {"method": "GET", **request}
    context = RequestContext(url=url, **request)  # type: ignore[arg-type]  # as given by a test
    return next_request(context, HttpResponse(status, headers={"Location": location}))


@pytest.mark.parametrize(
    ("status", "method", "becomes"),
    [
        (301, "GET", "GET"),
        (301, "HEAD", "HEAD"),
        (301, "POST", "GET"),
        (301, "PUT", "PUT"),
        (302, "POST", "GET"),
        (302, "DELETE", "DELETE"),
        (303, "GET", "GET"),
        (303, "HEAD", "HEAD"),
        (303, "POST", "GET"),
        (303, "PUT", "GET"),
        (307, "POST", "POST"),
        (308, "POST", "POST"),
    ],
)
def test_method_body_and_its_headers_follow_the_status(
    status: int, method: str, becomes: str
) -> None:
    headers = MutableHeaders({"Content-Type": "text/plain", "X-Own": "1"})
    target = redirected(
        "http://h/a", "/b", status, method=method, headers=headers, body=b"x"
    )
    assert target is not None
    kept = method == becomes
    assert (target.method, target.body) == (becomes, b"x" if kept else None)
    assert ("content-type" in target.headers) is kept
    assert target.headers["x-own"] == "1"
    assert headers["content-type"] == "text/plain"


def test_what_else_belongs_to_the_call_goes_on() -> None:
    state = {"span": 1}
    target = redirected("http://h/a?q=1", "/b", timeout=3.0, state=state)
    assert target is not None
    assert (target.url, target.timeout, target.state) == ("http://h/b", 3.0, state)


def test_https_is_never_left_for_http() -> None:
    with pytest.raises(HTTPRedirectError, match="leaves https for http") as refused:
        redirected("https://h/a?token=s3cret", "http://h/b")
    error = refused.value
    assert (error.method, error.url) == ("GET", "https://h/a?token=***")
    assert error.request_sent == "yes"
    assert redirected("http://h/a", "https://h/b") is not None


@pytest.mark.parametrize(
    ("location", "why"),
    [
        ("ftp://h/x", "has the scheme 'ftp'"),
        ("javascript:alert(1)", "has the scheme 'javascript'"),
        ("http://h:99999/", "cannot be parsed"),
        ("http://[::1", "cannot be parsed"),
        ("https:///x", "has no host"),
    ],
)
def test_an_unusable_target_is_not_followed_and_says_why(
    location: str, why: str
) -> None:
    with pytest.raises(HTTPRedirectError, match="not followed") as refused:
        redirected("http://h/", location)
    assert why in str(refused.value)
    assert "`follow_redirects=False`" in str(refused.value)


@pytest.mark.parametrize(
    "target",
    ["https://h:444/", "https://other/", "https://h.evil/", "//other/x", "//h:80/x"],
)
def test_to_another_origin_only_harmless_headers_go(target: str) -> None:
    secrets = ["Authorization", "Cookie", "Proxy-Authorization", "X-Api-Key", "X-Any"]
    headers = MutableHeaders(dict.fromkeys([*secrets, "Accept", "Range"], "value"))
    request = redirected("https://h/a", target, headers=headers)
    assert request is not None
    assert list(request.headers) == ["Accept", "Range"]


@pytest.mark.parametrize(
    "target", ["https://h:443/b", "https://H/b", "HTTPS://h/b", "b", "?c=1", "#part"]
)
def test_the_same_origin_is_recognised_however_it_is_written(target: str) -> None:
    headers = MutableHeaders({"Authorization": "s3cret"})
    request = redirected("https://h/a", target, headers=headers)
    assert request is not None
    assert request.headers["authorization"] == "s3cret"
    assert "#" not in request.url


def test_the_default_port_of_http_is_80() -> None:
    headers = MutableHeaders({"Authorization": "s3cret"})
    for target, kept in (("http://h:80/b", True), ("http://h:443/b", False)):
        request = redirected("http://h/a", target, headers=headers)
        assert request is not None
        assert ("authorization" in request.headers) is kept


def test_a_target_with_raw_characters_is_encoded_once() -> None:
    request = redirected("https://h/a", "/b c/é%20?d=e f")
    assert request is not None
    assert request.url == "https://h/b%20c/%C3%A9%20?d=e%20f"


@pytest.mark.parametrize("status", [200, 300, 304, 305, 306])
def test_other_statuses_redirect_nowhere(status: int) -> None:
    assert redirected("http://h/", "/b", status) is None


def test_a_redirect_without_a_target_is_an_answer() -> None:
    response = HttpResponse(302)
    assert next_request(RequestContext("GET", "http://h/"), response) is None


@given(
    scheme=st.sampled_from(["http", "https"]),
    location=st.text() | st.from_regex(r"(https?:)?//[ab](:\d{1,5})?/[a-c/?#@]*"),
)
def test_no_target_raises_anything_else_leaks_a_header_or_downgrades(
    scheme: str, location: str
) -> None:
    url = f"{scheme}://a/x"
    try:
        target = redirected(url, location, headers=MutableHeaders({"X-Secret": "s"}))
    except HTTPRedirectError:
        return
    assert target is not None
    check_url(target.url)
    before, after = urlsplit(url), urlsplit(target.url)
    assert (before.scheme, after.scheme) != ("https", "http")
    if "x-secret" in target.headers:
        default = {"http": 80, "https": 443}[scheme]
        assert (after.scheme, after.hostname) == (scheme, "a")
        assert (after.port or default) == default


async def answers(request: RequestContext) -> HttpResponse:
    """Count down: "/3" redirects to "/2", and "/0" to nowhere."""
    n = int(request.url.rpartition("/")[2])
    if n == 0:
        return HttpResponse(200, request.url)
    return HttpResponse(302, request.url, headers={"Location": f"/{n - 1}"})


@pytest.mark.parametrize("hops", [0, 1, 3])
async def test_redirects_are_followed_to_their_end(hops: int) -> None:
    request = RequestContext("GET", f"http://h/{hops}")
    first = await answers(request)
    response = await follow_redirects(request, first, answers, limit=3)
    assert (response.status, response.url) == (200, "http://h/0")
    assert [(one.status, one.url) for one in response.history] == [
        (302, f"http://h/{n}") for n in range(hops, 0, -1)
    ]


async def test_a_circle_is_shown() -> None:
    async def send(request: RequestContext) -> HttpResponse:
        n = (int(request.url.partition("?")[0].rpartition("/")[2]) + 1) % 3
        location = f"/{n}?key=s3cret"
        return HttpResponse(302, request.url, headers={"Location": location})

    request = RequestContext("GET", "http://h/0")
    with pytest.raises(HTTPTooManyRedirectsError) as ended:
        await follow_redirects(request, await send(request), send, limit=4)
    shown = " → ".join(f"http://h/{n}?key=***" for n in (2, 0, 1, 2))
    assert f"They go in a circle: {shown}." in str(ended.value)


async def test_one_redirect_too_many_ends_the_call() -> None:
    request = RequestContext("GET", "http://h/4")
    first = await answers(request)
    with pytest.raises(
        HTTPTooManyRedirectsError, match="Gave up after 3 redi"
    ) as ended:
        await follow_redirects(request, first, answers, limit=3)
    error = ended.value
    assert (error.limit, error.method, error.url) == (3, "GET", "http://h/4")
    assert error.request_sent == "yes"
    assert "leads to http://h/0." in str(error)
    assert [one.url for one in error.history] == [f"http://h/{n}" for n in (4, 3, 2, 1)]
    assert "`max_redirects`" in str(error)
