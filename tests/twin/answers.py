"""What a client makes of an answer."""

import gzip
import zlib
from typing import Any

from lexigram.contracts.web import HTTPClientProtocol
from lexigram.testing import Reply
from lexigram.testing.conformance import Backend, Scenario


def answered(
    name: str,
    reply: Reply,
    *,
    method: str = "GET",
    differs: dict[str, str] | None = None,
    wiring: dict[str, Any] | None = None,
    **options: Any,
) -> Scenario:
    """One call that gets this answer, by its verb and by `request`."""

    async def run(client: HTTPClientProtocol, backend: Backend) -> None:
        backend.on(method, "/x").respond(reply)
        url = f"{backend.base_url}/x"
        if verb := getattr(client, method.lower(), None):
            await verb(url, **options)
        await client.request(method, url, **options)

    return Scenario(
        name=name,
        run=run,
        wiring=lambda: dict(wiring or {}),
        differs=differs or {},
    )


def coded(coding: str, body: bytes, **more: Any) -> Reply:
    return Reply(body=body, headers={"Content-Encoding": coding}, **more)


def typed(content_type: str, body: bytes) -> Reply:
    return Reply(body=body, headers={"Content-Type": content_type})


RAW_DEFLATE = zlib.compressobj(wbits=-zlib.MAX_WBITS)
PACKED = gzip.compress(b"0123456789" * 20, mtime=0)
DEFLATED = zlib.compress(b"abc")
LONG = gzip.compress(bytes(1_000_000), mtime=0)
TWICE = gzip.compress(DEFLATED, mtime=0)

SCENARIOS = [
    *(
        answered(f"status {status}", Reply(status, json={"status": status}))
        for status in (200, 201, 202, 203, 206, 300, 304, 400, 401, 403, 404, 405)
    ),
    *(
        answered(f"status {status}", Reply(status, text="no"))
        for status in (408, 409, 410, 418, 422, 425, 429, 451, 500, 501, 502, 503, 504)
    ),
    answered("status 204", Reply(204)),
    answered("a status without a name", Reply(599, text="no")),
    *(
        answered(f"method {method}", Reply(200, text="ok"), method=method, data=b"x")
        for method in ("POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "REPORT")
    ),
    answered("an error that answers HEAD", Reply(404, text="no"), method="HEAD"),
    answered("an empty body", Reply()),
    answered("null", Reply(json=None)),
    answered("a list", Reply(json=[1, {"a": None}])),
    answered("invalid JSON", typed("application/json", b"<html>")),
    answered(
        "problem details",
        Reply(
            409,
            json={"title": "Out of stock", "balance": 3},
            headers={"Content-Type": "application/problem+json"},
        ),
    ),
    answered("chunks", Reply(chunks=[b"a", b"bc", b"def"])),
    answered("a chunked reply without chunks", Reply(chunked=True)),
    answered("Latin-1", typed("text/plain; charset=iso-8859-1", b"\xe9t\xe9")),
    answered("bytes that are not of the charset", typed("text/plain", b"\xff\xfe")),
    answered("a charset that nobody knows", typed("text/plain; charset=klingon", b"e")),
    answered("quotes around the charset", typed('text/plain; charset="utf-8"', b"e")),
    answered("no Content-Type", Reply(body=b"\x00\x01")),
    answered(
        "repeated headers",
        Reply(headers=[("X-A", "1"), ("Vary", "a"), ("X-A", "2"), ("Vary", "b")]),
    ),
    answered("a header with no value", Reply(headers={"X-Empty": ""})),
    answered("a header that is not ASCII", Reply(headers={"X-Name": "Ünal"})),
    answered("headers in odd case", Reply(headers={"x-UPPER-lower": "v"})),
    answered("gzip", coded("gzip", PACKED)),
    answered("gzip in capitals", coded("GZIP", PACKED)),
    answered("gzip in two members", coded("gzip", PACKED + PACKED)),
    answered("gzip that is none", coded("gzip", b"not gzip")),
    answered("gzip without its end", coded("gzip", PACKED[: len(PACKED) // 2])),
    answered("gzip of an error", coded("gzip", PACKED, status=500)),
    answered("gzip that answers HEAD", coded("gzip", PACKED), method="HEAD"),
    answered("deflate", coded("deflate", zlib.compress(b"abc"))),
    answered(
        "deflate without a header",
        coded("deflate", RAW_DEFLATE.compress(b"abc") + RAW_DEFLATE.flush()),
    ),
    answered("deflate that is none", coded("deflate", b"\xffnot deflate")),
    answered("deflate without its end", coded("deflate", zlib.compress(b"abc")[:-6])),
    answered("deflate with more after its end", coded("deflate", DEFLATED + b"x")),
    answered("gzip with more after its end", coded("gzip", PACKED + b"x")),
    answered("gzip of an error without its end", coded("gzip", PACKED[:9], status=500)),
    answered("x-gzip", coded("x-gzip", PACKED)),
    answered("no bytes of gzip", coded("gzip", b"")),
    answered("codings over each other", coded("deflate, gzip", TWICE)),
    answered("too many codings", coded(", ".join(["gzip"] * 6), PACKED)),
    answered("a coding that no client reads", coded("compress", b"abc")),
    answered("a part of gzip", coded("gzip", PACKED[5:], status=206)),
    answered("identity", coded("identity", b"abc")),
    answered("a coding that nobody knows", coded("rot13", b"nop")),
    answered("a body as long as allowed", Reply(body=b"12345"), max_response_bytes=5),
    answered("a body that is too long", Reply(body=b"123456"), max_response_bytes=5),
    answered(
        "chunks that are too long", Reply(chunks=[b"123", b"456"]), max_response_bytes=5
    ),
    answered(
        "a body that decodes to too much", coded("gzip", PACKED), max_response_bytes=100
    ),
    answered(
        "a body that is too long for HEAD",
        Reply(body=b"123456"),
        method="HEAD",
        max_response_bytes=5,
    ),
    answered("an error that is too long", Reply(500, body=b"12"), max_response_bytes=1),
    answered("a long error", Reply(404, body=bytes(70_000))),
    answered("a long error in chunks", Reply(500, chunks=[bytes(40_000)] * 2)),
    answered("a long error in gzip", coded("gzip", LONG, status=503)),
    answered(
        "an error that is too long for the client",
        Reply(500, body=b"123456"),
        wiring={"max_error_bytes": 5},
    ),
    answered(
        "a redirect that is too long",
        Reply(302, body=b"123456", headers={"Location": "/y"}),
        wiring={"max_error_bytes": 5},
        follow_redirects=False,
    ),
    answered(
        "a body that is too long for the client",
        Reply(body=b"123456"),
        wiring={"max_response_bytes": 5},
    ),
    answered(
        "a limit of the client that the call lifts",
        Reply(body=b"123456"),
        wiring={"max_response_bytes": 5},
        max_response_bytes=None,
    ),
]
