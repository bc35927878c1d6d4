"""What an upstream sees of a call."""

from typing import Any

from lexigram.contracts.web import HTTPClientProtocol
from lexigram.testing.conformance import Backend, Scenario


def sent(
    name: str,
    *,
    method: str = "POST",
    path: str = "/x",
    route: str = "/x",
    differs: dict[str, str] | None = None,
    **options: Any,
) -> Scenario:
    """One call with these options."""

    async def run(client: HTTPClientProtocol, backend: Backend) -> None:
        backend.on(method, route).respond(200)
        await client.request(method, f"{backend.base_url}{path}", **options)

    return Scenario(name=name, run=run, differs=differs or {})


def refused(name: str, url: str = "", **options: Any) -> Scenario:
    """One call that cannot be sent, by a verb and by `request`."""

    async def run(client: HTTPClientProtocol, backend: Backend) -> None:
        target = url or f"{backend.base_url}/x"
        await client.post(target, **options)
        await client.request("POST", target, **options)

    return Scenario(name=name, run=run)


SCENARIOS = [
    sent("nothing", method="GET"),
    sent("an empty POST"),
    sent("JSON", json={"name": "é", "n": [1, 2.5, None, True]}),
    sent("JSON null", json=None),
    sent("JSON with a Content-Type", json={}, headers={"content-type": "text/x-json"}),
    sent("bytes", data=b"\x00\xff"),
    sent("no bytes", data=b""),
    sent("text", data="é"),
    sent("a form", data={"a": [1, 2], "b": "x y&z=ü", "c": True, "d": None}),
    sent("an empty form", data={}),
    sent("a large body", data=bytes(2_000_000)),
    sent("a body of DELETE", method="DELETE", json={"id": 1}),
    sent("a body of GET", method="GET", json={"id": 1}),
    sent("params", method="GET", params={"a": [1, 2], "b": True, "c": None, "d": 0.5}),
    sent("params after a query", method="GET", path="/x?z=0", params={"a": 1}),
    sent("params in pairs", method="GET", params=[("a", 1), ("b", 2), ("a", 3)]),
    sent("params that are escaped", method="GET", params={"q": "a b&c=d+ü#%41"}),
    sent("params with slashes", method="GET", params={"q": "a/b?c"}),
    sent("a path that is escaped without need", method="GET", path="/x?k=a%2Fb%3A%41"),
    sent("what has to be escaped", method="GET", path="/x?k=é|[1]%zz"),
    sent("dot segments", method="GET", path="/a/./b/../../x?k=/../y"),
    sent("an empty query", method="GET", path="/x?"),
    sent("no params", method="GET", params={}),
    sent("a query of the URL", method="GET", path="/x?a=b%20c&d=%C3%BC&e=1,2;3"),
    sent("a query with an empty value", method="GET", path="/x?a=&b"),
    sent("a plus in a query", method="GET", path="/x?a=b+c"),
    sent("a fragment", method="GET", path="/x#part"),
    sent("an escaped path", method="GET", path="/a%2Fb%20c", route="/a%2Fb%20c"),
    sent("a path with brackets", method="GET", path="/a(b)'c!", route="/a(b)'c!"),
    sent("headers", method="GET", headers={"X-A": "1", "x-b": "two words"}),
    sent(
        "repeated headers",
        method="GET",
        headers=[("X-A", "1"), ("X-B", "2"), ("X-A", "3")],
    ),
    sent(
        "repeated headers in two cases",
        method="GET",
        headers=[("X-A", "1"), ("x-a", "2")],
    ),
    sent("an empty header", method="GET", headers={"X-A": ""}),
    sent("a cookie of the caller's", method="GET", headers={"Cookie": "a=1; b=2"}),
    sent("an idempotency key", json={}, idempotency_key="k-1"),
    sent("a method in lower case", method="report"),
    refused("an unknown option", heders={}),
    refused("both bodies", json={}, data=b""),
    refused("a line break in a header", headers={"X-A": "1\r\nX-B: 2"}),
    refused("a header name with a space", headers={"X A": "1"}),
    refused(
        "a Content-Length that is wrong", data=b"abc", headers={"Content-Length": "9"}
    ),
    refused("a Transfer-Encoding", headers={"Transfer-Encoding": "chunked"}),
    refused(
        "a Content-Length twice",
        data=b"abc",
        headers=[("Content-Length", "3"), ("content-length", "3")],
    ),
    refused("a Host twice", headers=[("Host", "a.test"), ("host", "b.test")]),
    refused("header fields that no server takes", headers={"X-A": "a" * 70_000}),
    refused("a password with a slash", url="http://me:pass/word@api.test/"),
    refused("JSON of a set", json={1, 2}),
    refused("JSON of NaN", json=float("nan")),
    refused("a body of a wrong type", data=object()),
    refused("a timeout of zero", timeout=0),
    refused("another scheme", url="ftp://api.test/x"),
    refused("no host", url="http:///x"),
    refused("a port that is none", url="http://api.test:port/x"),
    refused("a space in the URL", url="http://api.test/a b"),
]
