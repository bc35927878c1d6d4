"""Paths with variables, and what a value cannot do in them."""

import posixpath
from collections.abc import Mapping
from enum import Enum, IntEnum
from typing import Any
from urllib.parse import unquote
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lexigram.contracts.web import (
    HTTPInvalidRequestError,
    InterceptorProtocol,
    RequestContext,
)
from lexigram.http import BaseURLHTTPClient
from lexigram.http.joining import BaseURL
from lexigram.http.templates import expand
from lexigram.testing import FakeHTTPClient, FaultServer


class Kind(str, Enum):  # noqa: UP042 - `str(Kind.BILL)` is not its value
    BILL = "a bill"


class Size(IntEnum):
    BIG = 3


@pytest.mark.parametrize(
    ("template", "values", "path"),
    [
        ("/invoices/{id}", {"id": 7}, "/invoices/7"),
        ("{a}/{b_2}", {"a": "x", "b_2": "y"}, "x/y"),
        ("/{id}/{id}", {"id": "x"}, "/x/x"),
        ("/v{major}.{minor}", {"major": 1, "minor": 2}, "/v1.2"),
        ("/{id}", {"id": "a/b"}, "/a%2Fb"),
        ("/{id}", {"id": "a b?c#d%e;f\\g"}, "/a%20b%3Fc%23d%25e%3Bf%5Cg"),
        ("/{id}", {"id": "ü{x}"}, "/%C3%BC%7Bx%7D"),
        ("/{id}", {"id": "-_.~"}, "/-_.~"),
        ("/{id}", {"id": UUID(int=1)}, "/00000000-0000-0000-0000-000000000001"),
        ("/{id}", {"id": Kind.BILL}, "/a%20bill"),
        ("/{id}", {"id": Size.BIG}, "/3"),
        ("/{id}?filter={x}", {"id": 7}, "/7?filter={x}"),
        ("/plain?a=b", {}, "/plain?a=b"),
        ("", {}, ""),
    ],
)  # fmt: skip
def test_a_variable_becomes_a_part_of_a_segment(
    template: str, values: Mapping[str, Any], path: str
) -> None:
    assert expand(template, values) == path


@pytest.mark.parametrize(
    ("template", "values", "says"),
    [
        ("/{id}", {}, "has a variable 'id'"),
        ("/{invoice_id}", {"invoce_id": 1}, "Did you mean 'invoce_id'"),
        ("/x", {"id": 1}, "no such variable"),
        ("/x?q={id}", {"id": 1}, "goes into `params`"),
        ("/{}", {}, "a brace that belongs to no variable"),
        ("/{+id}", {"id": 1}, "a brace that belongs to no variable"),
        ("/{id", {"id": 1}, "a brace that belongs to no variable"),
        ("/{id}", {"id": ""}, "no name of anything"),
        ("/{id}", {"id": "."}, "no name of anything"),
        ("/a{id}", {"id": ".."}, "no name of anything"),
        ("/{id}", {"id": None}, "is of type NoneType"),
        ("/{id}", {"id": True}, "is of type bool"),
        ("/{id}", {"id": 1.5}, "is of type float"),
        ("/{id}", {"id": b"x"}, "is of type bytes"),
        ("/{id}", {"id": "\ud800"}, "half a surrogate pair"),
    ],
)
def test_what_does_not_fit_is_refused_and_named(
    template: str, values: Mapping[str, Any], says: str
) -> None:
    with pytest.raises(HTTPInvalidRequestError, match=says):
        expand(template, values)


@given(st.text(st.characters(codec="utf-8")))
def test_a_value_is_one_segment_and_comes_back_as_it_was(value: str) -> None:
    base = BaseURL("https://api.test/v1")
    try:
        url = base.join(expand("/a/{id}/b", {"id": value}))
    except HTTPInvalidRequestError:
        # Refused are only those that a server could take for more than one segment.
        decoded = unquote(unquote(unquote(value))).replace("\\", "/")
        parts = [part.partition(";")[0] for part in decoded.split("/")]
        assert {"", ".", ".."} & set(parts)
        return
    _, _, segment, last = url.removeprefix("https://api.test/").split("/")
    assert (unquote(segment), last) == (value, "b")


# Built of what means something to servers, since chance seldom writes "%252e".
_PIECES = st.sampled_from(
    [".", "..", "/", "\\", "%", "%2e", "%2E", "%2f", "%5c", "%25", "25", "2e", ";", "?",
     "#", "@", ":", "//", "http:", "https://api.test", "/v1", "/v1/", "evil.test", "x",
     "\t", "\n", " ", "{", "}", "[", "ü", "\ufeff"]
)  # fmt: skip


@given(st.lists(_PIECES | st.text(max_size=3), max_size=12).map("".join))
def test_no_path_leaves_the_base(path: str) -> None:
    base = BaseURL("https://api.test/v1")
    try:
        url = base.join(path)
    except HTTPInvalidRequestError:
        return
    assert _is_below(url)


@given(st.lists(_PIECES | st.text(max_size=3), max_size=12).map("".join))
def test_no_value_leaves_the_base(value: str) -> None:
    base = BaseURL("https://api.test/v1")
    try:
        url = base.join(expand("/{id}", {"id": value}))
    except HTTPInvalidRequestError:
        return
    assert _is_below(url)


def _is_below(url: str) -> bool:
    """Say whether every server would look below the base, however often it decodes."""
    assert url.startswith("https://api.test/v1")
    path = url.removeprefix("https://api.test").partition("?")[0].partition("#")[0]
    assert path == "/v1" or path.startswith("/v1/")
    for _ in range(3):
        resolved = posixpath.normpath(path.replace("\\", "/"))
        assert resolved == "/v1" or resolved.startswith("/v1/")
        path = unquote(path)
    return True


class Routes(InterceptorProtocol):
    """Keeps the routes of the calls."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    async def intercept_request(self, context: RequestContext) -> RequestContext:
        self.seen.append(context.route)
        return context


async def test_a_template_is_the_route_of_the_call_with_the_path_of_the_base() -> None:
    routes = Routes()
    async with FakeHTTPClient(interceptors=[routes]) as fake:
        fake.on.get("/v1/invoices/a%2Fb").respond()
        client = BaseURLHTTPClient("https://fake.test/v1", client=fake)
        whole = "https://fake.test/v1/invoices/{id}"
        for path in ("/invoices/{id}", "invoices/{id}?page=1", whole):
            await client.get(path, path_params={"id": "a/b"})
        await client.get("invoices/{id}", path_params={"id": "a/b"}, route="own")
        await client.get("invoices/a%2Fb")
    assert routes.seen == [*["/v1/invoices/{id}"] * 3, "own", ""]


async def test_a_value_with_a_slash_arrives_as_one_segment() -> None:
    async with (
        FaultServer.run() as server,
        BaseURLHTTPClient(server.base_url) as client,
    ):
        server.on.get("/files/a%2Fb/meta").respond(204)
        path = "/files/{name}/meta"
        response = await client.get(path, path_params={"name": "a/b"})
        assert response.status == 204


async def test_a_variable_without_a_value_sends_nothing() -> None:
    async with FakeHTTPClient(strict="strict") as fake:
        client = BaseURLHTTPClient("https://fake.test", client=fake)
        with pytest.raises(HTTPInvalidRequestError, match="has a variable 'id'"):
            await client.get("/invoices/{id}")
        with pytest.raises(HTTPInvalidRequestError, match="leads out"):
            await client.get("/{a}{b}/x", path_params={"a": "x/..", "b": "/.."})
    assert len(fake.calls) == 0


async def test_a_variable_does_not_choose_a_host() -> None:
    async with FakeHTTPClient() as fake:
        client = BaseURLHTTPClient(
            "https://fake.test", client=fake, allow_absolute=True
        )
        with pytest.raises(HTTPInvalidRequestError, match="leads out"):
            await client.get("https://{host}/x", path_params={"host": "evil.test"})
    assert len(fake.calls) == 0
