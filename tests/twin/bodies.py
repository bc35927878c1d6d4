"""Bodies that are read while they are sent, and forms with files."""

import asyncio
import io
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

from lexigram.contracts.web import FilePart, HTTPClientProtocol
from lexigram.testing import Reply
from lexigram.testing.conformance import Backend, Scenario

RANDOM = {
    "requests.*.body": "the boundary of a form that is not at hand is random",
    "requests.*.headers.content-type": "names that boundary",
}


async def letters() -> AsyncIterator[bytes]:
    for letter in (b"a", b"", b"b", b"c"):
        yield letter


async def slow() -> AsyncIterator[bytes]:
    for letter in (b"a", b"b"):
        await asyncio.sleep(2)
        yield letter


async def broken() -> AsyncIterator[bytes]:
    yield b"a"
    raise LookupError("no more")


async def text() -> AsyncIterator[Any]:
    yield "abc"


def refused() -> AsyncIterator[bytes]:
    raise LookupError("none at all")


def uploaded(
    name: str,
    options: Callable[[], Mapping[str, Any]],
    *replies: Reply,
    method: str = "PUT",
    differs: dict[str, str] | None = None,
) -> Scenario:
    """One call, whose options are made anew for each twin."""

    async def run(client: HTTPClientProtocol, backend: Backend) -> None:
        backend.on(method, "/x").sequence(*replies, Reply(200)).optional()
        backend.on("*", "/y").respond().optional()
        await client.request(method, f"{backend.base_url}/x", **options())

    return Scenario(name=name, run=run, differs=differs or {})


async def a_form_of_files(client: HTTPClientProtocol, backend: Backend) -> None:
    backend.on.post("/x").respond()
    files: dict[str, Any] = {
        "a": io.BytesIO(b"1"),
        "b": FilePart(letters, 'q".csv', "text/csv"),
    }
    await client.post(f"{backend.base_url}/x", files=files, data={"c": [1, 2]})
    request = backend.calls.one().request
    assert request.form == (("c", "1"), ("c", "2"))
    seen = [(f.name, f.filename, f.content_type, f.body) for f in request.files]
    assert seen == [
        ("a", "a", "application/octet-stream", b"1"),
        ("b", 'q".csv', "text/csv", b"abc"),
    ]


def moved(status: int) -> Reply:
    return Reply(status, headers={"Location": "/y"})


SCENARIOS = [
    uploaded("bytes as content", lambda: {"content": b"abc"}),
    uploaded("a file", lambda: {"content": io.BytesIO(b"abc")}),
    uploaded("a large file", lambda: {"content": io.BytesIO(bytes(3_000_000))}),
    uploaded("an iterator", lambda: {"content": letters()}),
    uploaded("a function", lambda: {"content": letters}),
    uploaded("a function that takes its time", lambda: {"content": slow}),
    uploaded("content of GET", lambda: {"content": letters}, method="GET"),
    uploaded(
        "content of DELETE", lambda: {"content": io.BytesIO(b"abc")}, method="DELETE"
    ),
    uploaded(
        "a length of the caller's",
        lambda: {"content": letters(), "headers": {"Content-Length": "3"}},
    ),
    uploaded(
        "a body that is too short",
        lambda: {"content": letters(), "headers": {"Content-Length": "4"}},
    ),
    uploaded(
        "a body that is too long",
        lambda: {"content": letters(), "headers": {"Content-Length": "2"}},
    ),
    uploaded("a body that fails", lambda: {"content": broken}),
    uploaded("a body of text", lambda: {"content": text}),
    uploaded("a body that cannot be begun", lambda: {"content": refused}),
    uploaded("a body out of time", lambda: {"content": slow, "timeout": 3}),
    uploaded("a function, moved", lambda: {"content": letters}, moved(307)),
    uploaded("an iterator, moved", lambda: {"content": letters()}, moved(308)),
    uploaded("an iterator, seen elsewhere", lambda: {"content": letters()}, moved(303)),
    uploaded("both bodies", lambda: {"content": b"", "json": None}),
    uploaded("a small form", lambda: {"files": {"a": b"1"}, "data": {"b": "ü"}}),
    Scenario(run=a_form_of_files, differs=RANDOM),
]
