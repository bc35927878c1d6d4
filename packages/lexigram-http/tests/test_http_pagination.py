"""Listings that come in pages."""

import json
import pickle
from collections.abc import Callable
from typing import Any, Unpack

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lexigram.contracts.web import (
    HTTPClientProtocol,
    HTTPDecodeError,
    HTTPInvalidRequestError,
    HttpResponse,
    HTTPStatusError,
    RequestOptions,
)
from lexigram.http import BaseURLHTTPClient, HTTPClient, RelativeHTTPClient, json_as
from lexigram.http.links import Link, find_link, parse_links
from lexigram.http.pagination import Pages, PaginationError, paginate
from lexigram.testing import FakeHTTPClient, FaultServer

URL = "https://fake.test/v1/bills"
NUMBERS = json_as(list[int])


def listing(
    backend: Any, *pages: list[int], path: str = "/v1/bills", target: str = "?page={}"
) -> None:
    """Serve pages that link to each other."""
    for number, items in enumerate(pages, 1):
        last = number == len(pages)
        link = f'<{target.format(number + 1)}>; rel="next"'
        query = {} if number == 1 else {"page": str(number)}
        backend.on.get(path, params=query).respond(
            json=items, headers={} if last else {"Link": link}
        )


async def collect(pages: Pages, into: list[int]) -> None:
    """Append the items of all pages, up to an error."""
    async for item in pages.items(NUMBERS):
        into.append(item)  # noqa: PERF401 - what came before an error counts


def asked(fake: Any) -> list[str]:
    """Return the path and the query of every request."""
    return [call.request.url.partition("fake.test")[2] for call in fake.calls]


# -- links ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "links"),
    [
        ('<https://h/?a,b;c>; rel="next"', [("https://h/?a,b;c", ["next"])]),
        ('</a>; rel="prev", </b>;rel=next', [("/a", ["prev"]), ("/b", ["next"])]),
        ('</a>; title="x, <y>; rel=z"; REL="Next"', [("/a", ["next"])]),
        ('</a>; title="a\\"b;c"; rel=next', [("/a", ["next"])]),
        ('</a>; rel="first  next"', [("/a", ["first", "next"])]),
        ("</a>; rel=prev; rel=next", [("/a", ["prev"])]),
        (" , ,</a> ; rel = next ; flag ,", [("/a", ["next"])]),
        ('</a>; rel="next', [("/a", ["next"])]),
        ("</a>", [("/a", [])]),
        ("<>; rel=next", [("", ["next"])]),
        ("</a>; rel=next junk </b>; rel=next", [("/a", ["next", "junk", "</b>"])]),
        ("nothing", []),
        ("</a", []),
        ("", []),
    ],
)
def test_a_link_field_is_read(field: str, links: list[tuple[str, list[str]]]) -> None:
    found = parse_links(field)
    assert [(link.target, list(link.relations)) for link in found] == links


@given(st.text() | st.text(alphabet='<>;=", \\rel\t/'))
@example('</a>; rel="\\')
def test_no_link_field_raises(field: str) -> None:
    assert all(f"<{link.target}>" in field for link in parse_links(field))


_NAMES = st.text("abcdefghijklmnop*-", min_size=1)
_VALUES = st.text(st.characters(codec="utf-8"))
_TARGETS = st.text(st.characters(codec="utf-8", exclude_characters=">"))


@given(st.lists(st.tuples(_TARGETS, st.lists(st.tuples(_NAMES, _VALUES)))))
def test_what_is_written_as_links_is_read_as_it_was(links: list[Any]) -> None:
    def quoted(value: str) -> str:
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'

    written = ", ".join(
        f"<{target}>" + "".join(f"; {name}={quoted(value)}" for name, value in params)
        for target, params in links
    )
    expected = tuple(Link(target, tuple(params)) for target, params in links)
    assert parse_links(written) == expected


def test_a_relation_is_found_in_any_field_but_not_of_another_resource() -> None:
    headers = [
        ("Link", '</x>; rel=next; anchor="/other"'),
        ("Link", "</first>; rel=first"),
        ("link", "</2>; rel=NEXT"),
    ]
    response = HttpResponse(200, headers=headers)
    assert find_link(response) == "/2"
    assert find_link(response, "First") == "/first"
    assert find_link(response, "last") is None


# -- following --------------------------------------------------------------------------


async def test_pages_follow_their_links_until_there_is_none() -> None:
    async with FakeHTTPClient() as fake:
        listing(fake, [1, 2], [3], [4, 5])
        pages = [page.json async for page in paginate(fake, URL)]
        assert pages == [[1, 2], [3], [4, 5]]
        items = [item async for item in paginate(fake, URL).items(NUMBERS)]
    assert items == [1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    "target",
    ["?page={}", "/v1/bills?page={}", "bills?page={}", "//fake.test/v1/bills?page={}",
     "https://FAKE.test:443/v1/bills?page={}", "https://fake.test/v1/./bills?page={}"],
)  # fmt: skip
async def test_a_link_is_relative_to_its_page(target: str) -> None:
    async with FakeHTTPClient() as fake:
        listing(fake, [1], [2], target=target)
        items = [item async for item in paginate(fake, URL).items(NUMBERS)]
    assert items == [1, 2]


async def test_options_go_with_every_page_and_params_with_the_first() -> None:
    async with FakeHTTPClient() as fake:
        fake.on.get("/v1/bills", params={"size": "2"}).respond(
            json=[1], headers={"Link": '<?size=2&cursor=b>; rel="next"'}
        )
        fake.on.get("/v1/bills", params={"size": "2", "cursor": "b"}).respond(json=[2])
        headers = (pair for pair in [("X-Own", "1")])
        pages = paginate(
            fake, URL, params={"size": 2}, headers=headers, auth=("u", "p")
        )
        assert [item async for item in pages.items(NUMBERS)] == [1, 2]
    for call in fake.calls:
        assert call.request.headers["x-own"] == "1"
        assert call.request.headers["authorization"] == "Basic dTpw"


async def test_a_page_is_asked_for_when_it_is_wanted() -> None:
    async with FakeHTTPClient() as fake:
        listing(fake, [1, 2], [3], [4])
        pages = paginate(fake, URL)
        assert len(fake.calls) == 0
        async for _ in pages:
            assert len(fake.calls) == 1
            break
        async for item in pages.items(NUMBERS):
            if item == 2:
                assert len(fake.calls) == 2
                break
        fake.reset(routes=True, calls=False)


async def test_a_listing_over_sockets_uses_one_connection() -> None:
    async with FaultServer.run() as server, HTTPClient() as client:
        listing(server, [1], [2], [3])
        pages = paginate(client, f"{server.base_url}/v1/bills")
        assert [item async for item in pages.items(NUMBERS)] == [1, 2, 3]
        assert len(server.connections) == 1


async def test_credentials_in_the_url_go_with_every_page() -> None:
    async with FaultServer.run() as server, HTTPClient() as client:
        listing(server, [1], [2])
        url = f"{server.base_url}/v1/bills".replace("://", "://u:p@")
        assert [item async for item in paginate(client, url).items(NUMBERS)] == [1, 2]
        sent = [call.request.headers["authorization"] for call in server.calls]
    assert sent == ["Basic dTpw"] * 2


# -- callbacks --------------------------------------------------------------------------


async def test_a_function_finds_the_next_cursor() -> None:
    def next_page(page: HttpResponse) -> RequestOptions | None:
        cursor = page.json["next"]
        return {"params": {"cursor": cursor}} if cursor else None

    async with FakeHTTPClient() as fake:
        for cursor, following in ((None, "b"), ("b", "c"), ("c", None)):
            query = {"cursor": cursor} if cursor else {}
            fake.on.get("/v1/bills", params={"size": "1", **query}).respond(
                json={"next": following}
            )
        pages = paginate(fake, URL, params={"size": 1}, next_page=next_page)
        assert [page.json["next"] async for page in pages] == ["b", "c", None]


async def test_a_cursor_takes_the_place_of_one_in_the_url() -> None:
    def next_page(page: HttpResponse) -> RequestOptions | None:
        return {"params": {"page": 2}} if "page=1" in page.url else None

    async with FakeHTTPClient() as fake:
        fake.on.get("/v1/bills").respond()
        async for _ in paginate(fake, f"{URL}?page=1&a=b", next_page=next_page):
            pass
    assert asked(fake) == ["/v1/bills?page=1&a=b", "/v1/bills?a=b&page=2"]


async def test_a_cursor_may_stand_in_the_body_or_in_a_header() -> None:
    def by_body(page: HttpResponse) -> RequestOptions | None:
        return {"json": {"from": page.json + 1}} if page.json < 2 else None

    def by_header(page: HttpResponse) -> RequestOptions | None:
        return {"headers": {"X-From": str(page.json + 1)}} if page.json < 2 else None

    async with FakeHTTPClient() as fake:
        fake.on.post("/v1/bills").handle(
            lambda request: HttpResponse(200, json=json.loads(request.body)["from"])
        )
        fake.on.get("/v1/bills").handle(
            lambda request: HttpResponse(200, json=int(request.headers["x-from"]))
        )
        searched = paginate(
            fake, URL, method="POST", json={"from": 0}, next_page=by_body
        )
        listed = paginate(fake, URL, headers={"X-From": "0"}, next_page=by_header)
        assert [page.json async for page in searched] == [0, 1, 2]
        assert [page.json async for page in listed] == [0, 1, 2]


async def test_a_client_whose_responses_have_no_url_does() -> None:
    class Partial(HTTPClientProtocol):
        async def request(
            self, method: str, url: str, **options: Unpack[RequestOptions]
        ) -> HttpResponse:
            following = {"/bills": "/bills?page=2", "/bills?page=2": None}[url]
            return HttpResponse(200, json={"next": following})

    pages = paginate(Partial(), "/bills", next_page=lambda page: page.json["next"])
    assert [page.json["next"] async for page in pages] == ["/bills?page=2", None]


# -- limits -----------------------------------------------------------------------------


async def test_one_page_more_than_allowed_is_an_error_after_the_others() -> None:
    async with FakeHTTPClient() as fake:
        listing(fake, [1], [2], [3])
        got: list[int] = []
        with pytest.raises(PaginationError, match="more than 2 pages") as caught:
            await collect(paginate(fake, URL, max_pages=2), got)
        assert (got, caught.value.reason) == ([1, 2], "limit")
        pages = paginate(fake, URL, max_pages=3)
        assert [item async for item in pages.items(NUMBERS)] == [1, 2, 3]


@pytest.mark.parametrize(("limit", "pages"), [(1, 1), (2, 1), (3, 2), (4, 2), (9, 2)])
async def test_items_end_after_as_many_as_wanted(limit: int, pages: int) -> None:
    async with FakeHTTPClient(strict="unmatched_only") as fake:
        listing(fake, [1, 2], [3, 4])
        items = paginate(fake, URL).items(NUMBERS, max_items=limit)
        assert [item async for item in items] == [1, 2, 3, 4][:limit]
        assert len(fake.calls) == pages


@pytest.mark.parametrize("number", [0, -1])
def test_limits_are_positive(number: int) -> None:
    with pytest.raises(ValueError, match="max_pages=.* is not positive"):
        paginate(FakeHTTPClient(), URL, max_pages=number)
    with pytest.raises(ValueError, match="max_items=.* is not positive"):
        paginate(FakeHTTPClient(), URL).items(NUMBERS, max_items=number)


@pytest.mark.parametrize(
    "options",
    [{"content": b"x"}, {"files": {"f": b"x"}}, {"idempotency_key": "k"}],
)
def test_what_is_for_one_request_is_refused(options: Any) -> None:
    with pytest.raises(TypeError, match="is for one request"):
        paginate(FakeHTTPClient(), URL, method="POST", **options)


# -- loops ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "link", "params"),
    [
        (URL, "", None),
        (URL, "#more", None),
        (f"{URL}?page=1", "?page=1", None),
        (URL, "?page=1", {"page": 1}),
        (URL, "https://fake.test:443/v1/bills", None),
    ],
)
async def test_a_link_to_the_same_page_ends_in_an_error(
    url: str, link: str, params: Any
) -> None:
    async with FakeHTTPClient() as fake:
        headers = {"Link": f'<{link}>; rel="next"'}
        fake.on.get("/v1/bills").respond(json=[1], headers=headers)
        got: list[int] = []
        options: Any = {"params": params} if params else {}
        with pytest.raises(PaginationError, match="again") as caught:
            await collect(paginate(fake, url, **options), got)
    assert (got, caught.value.reason, len(fake.calls)) == ([1], "loop", 1)


async def test_a_circle_of_links_ends_in_an_error() -> None:
    async with FakeHTTPClient() as fake:
        for number, following in ((1, 2), (2, 3), (3, 2)):
            headers = {"Link": f"<?page={following}>; rel=next"}
            query = {"page": str(number)}
            fake.on.get("/v1/bills", params=query).respond(headers=headers)
        with pytest.raises(PaginationError, match="again"):
            async for _ in paginate(fake, f"{URL}?page=1"):
                pass
    assert len(fake.calls) == 3


@pytest.mark.parametrize(
    "change",
    [{}, {"params": {"page": 1}}, {"json": {"a": 1}}, {"headers": {"x-a": "1"}}],
)
async def test_options_that_change_nothing_end_in_an_error(change: Any) -> None:
    async with FakeHTTPClient() as fake:
        fake.on.post("/v1/bills").respond()
        pages = paginate(
            fake,
            URL,
            method="POST",
            params={"page": 1},
            json={"a": 1},
            headers={"x-a": "1"},
            next_page=lambda _: change,
        )
        with pytest.raises(PaginationError, match="again"):
            async for _ in pages:
                pass
    assert len(fake.calls) == 1


# -- other origins ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("link", "reason"),
    [
        ("https://evil.test/", "origin"),
        ("//evil.test/", "origin"),
        ("https://fake.test:444/", "origin"),
        ("http://fake.test/", "origin"),
        ("https://me:pw@fake.test/", "link"),
        ("ftp://fake.test/", "link"),
        ("javascript:x", "link"),
        ("https://[/", "link"),
        ("/a b\x7f", "link"),
    ],
)
async def test_a_link_elsewhere_is_not_followed(link: str, reason: str) -> None:
    async with FakeHTTPClient() as fake:
        fake.on.get("/v1/bills").respond(headers={"Link": f"<{link}>; rel=next"})
        with pytest.raises(PaginationError) as caught:
            async for _ in paginate(fake, URL, auth=("u", "p")):
                pass
    assert (caught.value.reason, len(fake.calls)) == (reason, 1)
    assert "pw@" not in str(caught.value)


async def test_another_origin_gets_no_credentials_even_when_allowed() -> None:
    async with FakeHTTPClient() as fake:
        headers = {"Link": "<https://other.test/2>; rel=next"}
        fake.on.get("/v1/bills").respond(json=[1], headers=headers)
        fake.on.get("https://other.test/2").respond(
            json=[2], headers={"Link": "</3>; rel=next"}
        )
        fake.on.get("https://other.test/3").respond(json=[3])
        pages = paginate(
            fake,
            URL,
            headers={"X-Api-Key": "s3cret", "Accept": "application/json"},
            auth=("u", "p"),
            allow_other_origins=True,
        )
        assert [item async for item in pages.items(NUMBERS)] == [1, 2, 3]
    for call in [*fake.calls][1:]:
        assert "x-api-key" not in call.request.headers
        assert "authorization" not in call.request.headers
        assert call.request.headers["accept"] == "application/json"


@pytest.mark.parametrize(
    ("links", "says"),
    [
        (["http://other.test/2"], "leaves https"),
        (["https://other.test/2", URL + "?page=3"], "leads back"),
    ],
)
async def test_what_is_allowed_neither_leaves_https_nor_comes_back(
    links: list[str], says: str
) -> None:
    async with FakeHTTPClient() as fake:
        for url, link in zip([URL, *links], links, strict=False):
            headers = {"Link": f"<{link}>; rel=next"}
            fake.on.get(url).respond(json=[], headers=headers)
        with pytest.raises(PaginationError, match=says) as caught:
            async for _ in paginate(fake, URL, allow_other_origins=True):
                pass
    assert caught.value.reason == "origin"


async def test_a_redirect_of_the_first_page_does_not_say_whose_credentials() -> None:
    async with FakeHTTPClient() as fake:
        location = {"Location": "https://evil.test/bills"}
        fake.on.get("/v1/bills").respond(302, headers=location)
        fake.on.get("https://evil.test/bills").respond(
            headers={"Link": "</more>; rel=next"}
        )
        with pytest.raises(PaginationError) as caught:
            async for _ in paginate(fake, URL, auth=("u", "p")):
                pass
    assert (caught.value.reason, len(fake.calls)) == ("origin", 2)


# -- failures ---------------------------------------------------------------------------


async def test_a_page_with_an_error_status_is_raised() -> None:
    async with FakeHTTPClient() as fake:
        fake.on.get("/v1/bills", params={}).respond(headers={"Link": "<?p=2>;rel=next"})
        fake.on.get("/v1/bills", params={"p": "2"}).respond(503)
        with pytest.raises(HTTPStatusError):
            async for _ in paginate(fake, URL):
                pass


@pytest.mark.parametrize(
    "decoder",
    [NUMBERS, lambda body: (int(each) for each in json.loads(body))],
)
async def test_items_that_cannot_be_read_are_an_error_of_decoding(
    decoder: Callable[[bytes], Any],
) -> None:
    async with FakeHTTPClient() as fake:
        fake.on.get("/v1/bills").respond(json=["x"])
        with pytest.raises(HTTPDecodeError):
            async for _ in paginate(fake, URL).items(decoder):
                pass


def test_the_error_pickles() -> None:
    error = PaginationError("No.", reason="loop", method="GET", url=URL)
    copy = pickle.loads(pickle.dumps(error))
    assert (copy.reason, str(copy)) == ("loop", str(error))


# -- clients of one upstream ------------------------------------------------------------


async def test_a_client_of_one_upstream_lists_with_its_defaults() -> None:
    async with FakeHTTPClient() as fake:
        fake.on.get("/v1/of/a%2Fb", params={"key": "k", "size": "2"}).respond(
            json=[1], headers={"Link": "<?page=2&key=k>; rel=next"}
        )
        fake.on.get("/v1/of/a%2Fb", params={"key": "k", "page": "2"}).respond(json=[2])
        client = BaseURLHTTPClient(
            "https://fake.test/v1", client=fake, params={"key": "k"}, auth=("u", "p")
        )
        pages = client.paginate(
            "of/{id}", path_params={"id": "a/b"}, params={"size": 2}
        )
        assert [item async for item in pages.items(NUMBERS)] == [1, 2]
    sent = [call.request.headers["authorization"] for call in fake.calls]
    assert sent == ["Basic dTpw"] * 2


async def test_a_client_of_one_upstream_lists_nothing_outside_of_it() -> None:
    async with FakeHTTPClient() as fake:
        headers = {"Link": "</other/bills>; rel=next"}
        fake.on.get("/v1/bills").respond(headers=headers)
        client = BaseURLHTTPClient("https://fake.test/v1", client=fake)
        with pytest.raises(HTTPInvalidRequestError, match="leads out"):
            async for _ in client.paginate("bills"):
                pass
        with pytest.raises(HTTPInvalidRequestError, match="leads out"):
            client.paginate("//evil.test")
    assert len(fake.calls) == 1


async def test_a_client_of_one_upstream_lists_elsewhere_without_its_defaults() -> None:
    async with FakeHTTPClient() as fake:
        headers = {"Link": "<https://other.test/2>; rel=next"}
        fake.on.get("/v1/bills").respond(json=[1], headers=headers)
        fake.on.get("https://other.test/2").respond(json=[2])
        client = BaseURLHTTPClient(
            "https://fake.test/v1", client=fake, params={"k": 1}, auth=("u", "p")
        )
        pages = client.paginate("bills", allow_other_origins=True)
        assert [item async for item in pages.items(NUMBERS)] == [1, 2]
    last = [*fake.calls][-1].request
    assert (last.url, "authorization" in last.headers) == (
        "https://other.test/2",
        False,
    )


async def test_a_relative_client_lists_by_path() -> None:
    async with FaultServer.run() as server:
        listing(server, [1], [2])
        async with RelativeHTTPClient(base_url=f"{server.base_url}/v1") as client:
            pages = paginate(client, "bills")
            assert [item async for item in pages.items(NUMBERS)] == [1, 2]
