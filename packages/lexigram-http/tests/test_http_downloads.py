"""A download is the whole file, or goes on later, or leaves nothing."""

import asyncio
import errno
import gzip
import hashlib
import os
import re
import resource
import threading
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from itertools import accumulate
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lexigram.contracts.web import (
    Headers,
    HTTPCircuitOpenError,
    HTTPClientError,
    HTTPClientProtocol,
    HTTPConnectionError,
    HTTPDecodeError,
    HTTPInvalidRequestError,
    HTTPResponseTooLargeError,
    HTTPRetryExhaustedError,
    HTTPStatusError,
    HTTPTimeoutError,
    StreamingHTTPClientProtocol,
)
from lexigram.contracts.web.streaming import ResponseStream
from lexigram.http import BaseURLHTTPClient, HTTPClient, RelativeHTTPClient
from lexigram.http.downloads.blocks import BLOCK, BlockWriter
from lexigram.http.downloads.download import Download, download
from lexigram.http.downloads.errors import DownloadError
from lexigram.http.downloads.part import PartFile
from lexigram.http.downloads.ranges import (
    Asked,
    ContentRange,
    Misfit,
    Rest,
    read_answer,
    read_content_range,
    validator_of,
)
from lexigram.http.downloads.resuming import Resume, Resumption, may_pass
from lexigram.http.progress import Progress
from lexigram.testing import FakeHTTPClient, FaultServer, Reply, fault, virtual_time

MIB = 1024 * 1024
DATA = Random(8).randbytes(3 * MIB)
CALM = Resume(attempts=3, jitter=0.0)
YOUNG = {
    "Last-Modified": "Sat, 21 Nov 2026 10:00:00 GMT",
    "Date": "Sat, 21 Nov 2026 10:00:00 GMT",
}
OLD = {**YOUNG, "Date": "Sat, 21 Nov 2026 10:00:01 GMT"}


def digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


class Store:
    """Serves a file with ranges, and hangs up after as many bytes as a test says."""

    def __init__(self, data: bytes = DATA, *cuts: int | None, **fields: str) -> None:
        self.data = data
        self.cuts = list(cuts)
        self.fields: dict[str, str] = {"ETag": '"v1"', **fields}
        self.asked: list[tuple[str | None, str | None]] = []
        self.most = len(data)
        self.accepted: list[str] = []

    def __call__(self, request: Any) -> Any:
        wanted = request.headers.get("range"), request.headers.get("if-range")
        self.asked.append(wanted)
        self.accepted += request.headers.get_all("accept-encoding")
        status, body, fields = 200, self.data, dict(self.fields)
        if wanted[0] and wanted[1] in (fields.get("ETag"), fields.get("Last-Modified")):
            first = int(wanted[0].removeprefix("bytes=").removesuffix("-"))
            if first >= len(self.data):
                return Reply(416, {"Content-Range": f"bytes */{len(self.data)}"})
            body = self.data[first : first + self.most]
            last = first + len(body) - 1
            fields["Content-Range"] = f"bytes {first}-{last}/{len(self.data)}"
            status = 206
        cut = self.cuts.pop(0) if self.cuts else None
        if cut is None:
            return Reply(status, fields, body)
        lines = [f"HTTP/1.1 {status} OK", f"Content-Length: {len(body)}"]
        lines += [f"{name}: {value}" for name, value in fields.items()]
        head = "\r\n".join([*lines, "", ""]).encode()
        return fault.raw(head + body[:cut])


@asynccontextmanager
async def serving(store: Any) -> AsyncIterator[tuple[HTTPClient, str]]:
    async with FaultServer.run() as server, HTTPClient() as client:
        server.on.get("/file").handle(store).optional()
        yield client, f"{server.base_url}/file"


@asynccontextmanager
async def in_memory(store: Any) -> AsyncIterator[tuple[FakeHTTPClient, str]]:
    async with FakeHTTPClient(base_url="http://fake.test") as client:
        client.on.get("/file").handle(store).optional()
        yield client, "/file"


WORLDS = pytest.mark.parametrize("world", [serving, in_memory])


def in_turn(*handlers: Any) -> Any:
    """Let each handler answer one request, and the last one all others."""
    left = list(handlers)

    def handle(request: Any) -> Any:
        return (left.pop(0) if len(left) > 1 else left[0])(request)

    return handle


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


async def interrupted(store: Store, url: str, client: Any, target: Path) -> None:
    """Let a call end with a part of the file."""
    with pytest.raises(HTTPConnectionError):
        await download(client, url, target, retry=False)
    found = names(target.parent)
    assert target.name not in found
    assert part_of(target).name in found
    store.asked.clear()


def part_of(target: Path) -> Path:
    return target.with_name(f"{target.name}.lexigram-part")


@WORLDS
async def test_a_file_arrives_whole_and_nothing_else(
    world: Any, tmp_path: Path
) -> None:
    store, target = Store(), tmp_path / "a.bin"
    async with world(store) as (client, url):
        done = await download(client, url, target, checksum=digest(DATA))
    assert target.read_bytes() == DATA
    assert names(tmp_path) == ["a.bin"]
    assert (done.path, done.size, done.checksum) == (target, 3 * MIB, digest(DATA))
    assert (done.resumed_from, done.interruptions) == (0, 0)
    assert done.headers["etag"] == '"v1"'
    assert done.url.endswith("/file")
    assert store.asked == [(None, None)]
    assert store.accepted == ["identity"]


async def test_the_client_downloads_by_itself(tmp_path: Path) -> None:
    async with serving(Store()) as (client, url):
        done = await client.download(url, str(tmp_path / "a.bin"), max_bytes=3 * MIB)
    assert done.path.read_bytes() == DATA


async def test_a_client_of_one_upstream_downloads_from_below_its_base(
    tmp_path: Path,
) -> None:
    async with FaultServer.run() as server:
        server.on.get("/v1/file").handle(Store())
        async with RelativeHTTPClient(base_url=f"{server.base_url}/v1") as client:
            await client.download("file", tmp_path / "a")
            with pytest.raises(HTTPInvalidRequestError):
                await client.download("//evil.test/file", tmp_path / "b")
    assert names(tmp_path) == ["a"]


async def test_a_part_is_of_one_upstream(tmp_path: Path) -> None:
    stores = Store(DATA, 40), Store()
    async with FaultServer.run() as server:
        for name, store in zip(("a", "b"), stores, strict=True):
            server.on.get(f"/{name}/file").handle(store)
        async with RelativeHTTPClient(base_url=f"{server.base_url}/a") as client:
            with pytest.raises(HTTPConnectionError):
                await client.download("file", tmp_path / "x", retry=False)
        async with RelativeHTTPClient(base_url=f"{server.base_url}/b") as client:
            assert (await client.download("file", tmp_path / "x")).resumed_from == 0
    assert stores[1].asked == [(None, None)]


@pytest.mark.parametrize("kind", [HTTPClient, FakeHTTPClient])
async def test_a_client_of_one_upstream_downloads_with_its_defaults(
    kind: type[HTTPClient | FakeHTTPClient], tmp_path: Path
) -> None:
    async with FaultServer.run() as server, kind() as inner:
        backend = server if isinstance(inner, HTTPClient) else inner
        backend.on.get("/v1/files/{name}").handle(Store())
        client = BaseURLHTTPClient(
            f"{server.base_url if backend is server else 'https://fake.test'}/v1",
            client=inner,
            headers={"X-Tenant": "a"},
        )
        done = await client.download(
            "/files/{name}",
            tmp_path / "a",
            path_params={"name": "x/y"},
            checksum=digest(DATA),
        )
        with pytest.raises(HTTPInvalidRequestError):
            await client.download("//evil.test/file", tmp_path / "b")
        (call,) = backend.calls
        assert call.request.headers["x-tenant"] == "a"
        assert call.request.path == "/v1/files/x%2Fy"
    assert done.size == len(DATA)
    assert names(tmp_path) == ["a"]


async def test_a_client_that_does_not_stream_downloads_nothing(tmp_path: Path) -> None:
    class Plain(HTTPClientProtocol):
        pass

    client = BaseURLHTTPClient("https://api.test", client=Plain())
    with pytest.raises(TypeError, match="does not stream"):
        await client.download("/file", tmp_path / "a")


async def test_what_goes_on_after_an_interruption_repeats(tmp_path: Path) -> None:
    asked: list[Any] = []

    class Notes(Never):
        async def execute(self, operation: Any, call: Any = None) -> Any:
            asked.append(call.repeats)
            return await operation()

    store = Store(DATA, 40)
    store.most = 2 * MIB  # a smaller part than was asked for is no interruption
    async with virtual_time(), FaultServer.run() as server:
        server.on.get("/file").handle(store)
        async with HTTPClient(retry_policy=Notes()) as client:
            await client.download(f"{server.base_url}/file", tmp_path / "a")
    assert asked == [False, True, False]


@pytest.mark.parametrize("data", [b"", b"x"])
@WORLDS
async def test_a_small_file_is_a_file(world: Any, data: bytes, tmp_path: Path) -> None:
    async with world(Store(data)) as (client, url):
        done = await download(client, url, tmp_path / "a", checksum="md5")
    assert (tmp_path / "a").read_bytes() == data
    assert done.checksum == f"md5:{hashlib.md5(data).hexdigest()}"  # noqa: S324 - as asked for
    assert names(tmp_path) == ["a"]


async def test_a_body_of_unknown_length_arrives_whole(tmp_path: Path) -> None:
    reply = Reply(200, chunks=[DATA[:MIB], DATA[MIB:]])
    async with in_memory(lambda _: reply) as (client, url):
        await download(client, url, tmp_path / "a")
    assert (tmp_path / "a").read_bytes() == DATA


async def test_an_interrupted_transfer_goes_on_after_a_while(tmp_path: Path) -> None:
    store, target = Store(DATA, 100_000, 50_000), tmp_path / "a.bin"
    async with virtual_time() as clock, serving(store) as (client, url):
        done = await client.download(url, target, resume=CALM, checksum="sha256")
        assert clock.elapsed == 3.0
    assert target.read_bytes() == DATA
    assert done.checksum == digest(DATA)
    assert (done.resumed_from, done.interruptions) == (0, 2)
    assert store.asked == [
        (None, None),
        ("bytes=100000-", '"v1"'),
        ("bytes=150000-", '"v1"'),
    ]


async def test_what_brings_a_megabyte_is_no_failure_in_a_row(tmp_path: Path) -> None:
    store = Store(DATA, MIB + 1, MIB + 1, 10)
    async with virtual_time() as clock, serving(store) as (client, url):
        resume = Resume(attempts=2, jitter=0.0)
        done = await client.download(url, tmp_path / "a", resume=resume)
        assert clock.elapsed == 1.0 + 1.0 + 2.0
    assert done.path.read_bytes() == DATA


async def test_a_later_call_goes_on_where_an_earlier_one_stopped(
    tmp_path: Path,
) -> None:
    store, target = Store(DATA, MIB), tmp_path / "a.bin"
    told: list[Progress] = []
    async with serving(store) as (client, url):
        await interrupted(store, url, client, target)
        async with HTTPClient() as another:
            done = await another.download(
                url, target, checksum=digest(DATA), progress=told.append
            )
    assert target.read_bytes() == DATA
    assert names(tmp_path) == ["a.bin"]
    assert done.resumed_from == MIB
    assert store.asked == [(f"bytes={MIB}-", '"v1"')]
    assert (told[0].done, told[0].total) == (MIB, 3 * MIB)
    assert {progress.resumed_from for progress in told} == {MIB}


class Elsewhere:
    """A client whose server has moved."""

    def __init__(self, client: StreamingHTTPClientProtocol, old: str, new: str) -> None:
        self.client, self.old, self.new = client, old, new

    def stream(
        self, method: str, url: str, **options: Any
    ) -> AbstractAsyncContextManager[Any]:
        assert url == self.old
        return self.client.stream(method, self.new, **options)


async def test_a_file_that_has_changed_begins_again(tmp_path: Path) -> None:
    store, target = Store(DATA, MIB), tmp_path / "a.bin"
    told: list[Progress] = []
    async with serving(store) as (client, url):
        await interrupted(store, url, client, target)
        store.data, store.fields = DATA[::-1], {"ETag": '"v2"'}
        done = await download(
            client, url, target, checksum=digest(DATA[::-1]), progress=told.append
        )
    assert target.read_bytes() == DATA[::-1]
    assert (done.resumed_from, told[0].done, told[0].resumed_from) == (0, 0, 0)
    assert store.asked == [(f"bytes={MIB}-", '"v1"')]


async def test_a_file_that_changes_between_is_not_patched_together(
    tmp_path: Path,
) -> None:
    class Changing(Store):
        def __call__(self, request: Any) -> Any:
            if self.asked:
                self.data, self.fields = DATA[::-1], {"ETag": '"v2"'}
            return super().__call__(request)

    store = Changing(DATA, MIB)
    async with virtual_time(), serving(store) as (client, url):
        done = await client.download(url, tmp_path / "a", checksum=digest(DATA[::-1]))
    assert done.path.read_bytes() == DATA[::-1]
    assert done.interruptions == 1


async def test_header_fields_are_sent_with_every_request(tmp_path: Path) -> None:
    store = Store(DATA, MIB)
    keys: list[str] = []

    def answer(request: Any) -> Any:
        keys.append(request.headers["x-key"])
        return store(request)

    async with virtual_time(), serving(answer) as (client, url):
        fields = iter([("X-Key", "k")])
        await client.download(url, tmp_path / "a", headers=fields)
    assert keys == ["k", "k"]


async def test_an_old_date_is_as_good_as_a_tag(tmp_path: Path) -> None:
    store, target = Store(DATA, MIB, **OLD), tmp_path / "a"
    del store.fields["ETag"]
    async with serving(store) as (client, url):
        await interrupted(store, url, client, target)
        await download(client, url, target)
    assert store.asked == [(f"bytes={MIB}-", YOUNG["Last-Modified"])]
    assert target.read_bytes() == DATA


@pytest.mark.parametrize(
    "fields",
    [{}, {"ETag": 'W/"v1"'}, {"ETag": "v1"}, {"ETag": '"a", "b"'}, YOUNG,
     {"Last-Modified": OLD["Last-Modified"]}, {**OLD, "Date": "soon"}],
    ids=["nothing", "weak", "unquoted", "two", "young", "dateless", "undated"],
)  # fmt: skip
async def test_what_cannot_be_resumed_begins_again_and_leaves_nothing(
    fields: dict[str, str], tmp_path: Path
) -> None:
    store, target = Store(DATA, MIB, None, MIB), tmp_path / "a"
    store.fields = fields
    async with virtual_time(), serving(store) as (client, url):
        done = await client.download(url, target)
        assert done.interruptions == 1
        with pytest.raises(HTTPConnectionError) as caught:
            await client.download(url, tmp_path / "b", retry=False)
    assert not hasattr(caught.value, "__notes__")
    assert store.asked == [(None, None)] * 3
    assert target.read_bytes() == DATA
    assert names(tmp_path) == ["a"]


async def test_what_is_there_to_the_last_byte_is_not_sent_again(tmp_path: Path) -> None:
    store, target = Store(), tmp_path / "a"

    def block(progress: Progress) -> None:
        if progress.done == progress.total:
            target.write_bytes(b"mine")

    async with serving(store) as (client, url):
        with pytest.raises(FileExistsError) as caught:
            await client.download(url, target, progress=block)
        assert target.read_bytes() == b"mine"
        (note,) = caught.value.__notes__
        assert f"is in {str(part_of(target))!r}: the same call goes on there" in note
        target.unlink()
        told: list[Progress] = []
        done = await client.download(
            url, target, checksum=digest(DATA), progress=told.append
        )
    assert [(each.done, each.total) for each in told] == [(len(DATA), len(DATA))] * 2
    assert store.asked[1:] == [(f"bytes={len(DATA)}-", '"v1"')]
    assert (done.resumed_from, done.size) == (len(DATA), len(DATA))
    assert target.read_bytes() == DATA


@pytest.mark.parametrize(
    ("status", "fields"),
    [
        (206, {"Content-Range": f"bytes 0-{MIB}/{len(DATA)}"}),
        (206, {"Content-Range": f"bytes {MIB + 1}-{len(DATA) - 1}/{len(DATA)}"}),
        (206, {"Content-Range": f"bytes {MIB}-{MIB + 9}/{MIB + 10}"}),
        (206, {"Content-Range": f"bytes */{len(DATA)}"}),
        (206, {"Content-Range": "chapters 1-2/3"}),
        (206, {}),
        (206, {"Content-Range": f"bytes {MIB}-{MIB + 9}/*", "ETag": '"v2"'}),
        (206, {"Content-Range": f"bytes {MIB}-{MIB + 9}/*", "Content-Encoding": "gzip"}),
        (416, {"Content-Range": f"bytes */{MIB + 1}"}),
        (416, {"Content-Range": "bytes */*"}),
        (416, {}),
    ],
)  # fmt: skip
async def test_an_answer_that_does_not_fit_is_not_used(
    status: int, fields: dict[str, str], tmp_path: Path
) -> None:
    class Wrong(Store):
        def __call__(self, request: Any) -> Any:
            if "range" not in request.headers:
                return super().__call__(request)
            self.asked.append((request.headers["range"], None))
            return Reply(status, fields, b"0123456789")

    store, target = Wrong(DATA, MIB, MIB), tmp_path / "a"
    async with virtual_time(), serving(store) as (client, url):
        await interrupted(store, url, client, target)
        done = await client.download(url, target, checksum=digest(DATA))
    assert target.read_bytes() == DATA
    assert [wanted for wanted, _ in store.asked] == [f"bytes={MIB}-", None, None]
    assert done.interruptions == 1


async def test_a_part_that_was_not_asked_for_is_no_file(tmp_path: Path) -> None:
    reply = Reply(206, {"Content-Range": "bytes 0-3/10"}, b"0123")
    async with in_memory(lambda _: reply) as (client, url):
        with pytest.raises(DownloadError, match="cannot be used") as caught:
            await download(client, url, tmp_path / "a")
    assert (caught.value.reason, caught.value.request_sent) == ("range", "yes")
    assert names(tmp_path) == []


async def test_a_rest_that_is_longer_than_it_says_spoils_the_part(
    tmp_path: Path,
) -> None:
    class Talkative(Store):
        def __call__(self, request: Any) -> Any:
            if "range" not in request.headers:
                return super().__call__(request)
            fields = {"Content-Range": f"bytes {MIB}-{MIB + 2}/{len(DATA)}"}
            return Reply(206, fields, chunks=[b"abcd"])

    store, target = Talkative(DATA, MIB), tmp_path / "a"
    async with serving(store) as (client, url):
        await interrupted(store, url, client, target)
        with pytest.raises(DownloadError, match=f"goes on after {MIB + 3} bytes"):
            await client.download(url, target)
    assert names(tmp_path) == []


@pytest.mark.parametrize("status", [201, 202, 204, 304])
async def test_a_success_without_a_file_is_no_file(status: int, tmp_path: Path) -> None:
    async with in_memory(lambda _: Reply(status)) as (client, url):
        with pytest.raises(
            DownloadError, match=f"answer {status} is no file"
        ) as caught:
            await download(client, url, tmp_path / "a")
    assert caught.value.reason == "answer"
    assert names(tmp_path) == []


@WORLDS
async def test_an_error_is_no_file(world: Any, tmp_path: Path) -> None:
    async with world(lambda _: Reply(404, text="page")) as (client, url):
        with pytest.raises(HTTPStatusError) as caught:
            await download(client, url, tmp_path / "a")
    assert caught.value.status == 404
    assert names(tmp_path) == []


async def test_a_failure_before_an_answer_keeps_what_was_there(tmp_path: Path) -> None:
    store, target = Store(DATA, MIB), tmp_path / "a"
    async with serving(store) as (client, url):
        await interrupted(store, url, client, target)
        moved = Elsewhere(client, url, url.replace("/file", "/gone"))
        async with FaultServer.run() as server:
            server.on.get("/file").respond(503)
            moved.new = f"{server.base_url}/file"
            with pytest.raises(HTTPStatusError):
                await download(moved, url, target, retry=False)
        # So does what is asked for under another URL.
        with pytest.raises(HTTPStatusError):
            await download(NotFound(), "http://other.test/", target)
        done = await download(client, url, target)
    assert done.resumed_from == MIB


class NotFound:
    """A client that finds nothing."""

    @asynccontextmanager
    async def stream(
        self, method: str, url: str, **options: Any
    ) -> AsyncIterator[ResponseStream]:
        async with FakeHTTPClient(base_url="http://other.test") as fake:
            fake.on.get("/").respond(404)
            async with fake.stream(method, url, **options) as stream:
                yield stream  # type: ignore[misc]  # what the fake gives


async def test_another_url_and_a_damaged_note_begin_again(tmp_path: Path) -> None:
    store, target = Store(DATA, MIB, None, MIB, None), tmp_path / "a"
    note = target.with_name("a.lexigram-part.json")
    async with serving(store) as (client, url):
        await interrupted(store, url, client, target)
        await client.download(url, target, params={"version": "2"})
        target.unlink()

        await interrupted(store, url, client, target)
        note.write_text(note.read_text()[:-5])
        await client.download(url, target)
    assert store.asked == [(None, None)]
    assert target.read_bytes() == DATA
    assert names(tmp_path) == ["a"]


@pytest.mark.parametrize(
    "note", ["[]", "{}", '{"purpose": 1, "validator": 2, "total": 3}']
)
async def test_a_strange_note_is_no_note(note: str, tmp_path: Path) -> None:
    target = tmp_path / "a"
    part_of(target).write_bytes(b"old")
    target.with_name("a.lexigram-part.json").write_text(note)
    async with in_memory(Store()) as (client, url):
        await download(client, url, target)
    assert target.read_bytes() == DATA


@WORLDS
@pytest.mark.parametrize("announced", [True, False])
async def test_a_file_above_the_cap_leaves_nothing(
    world: Any, announced: Any, tmp_path: Path
) -> None:
    reply = Reply(200, {}, DATA) if announced else Reply(200, chunks=[DATA, DATA])
    async with world(lambda _: reply) as (client, url):
        with pytest.raises(HTTPResponseTooLargeError) as caught:
            await download(client, url, tmp_path / "a", max_bytes=len(DATA) - 1)
        assert caught.value.limit == len(DATA) - 1
        assert names(tmp_path) == []
        if announced:
            await download(client, url, tmp_path / "a", max_bytes=len(DATA))


async def test_another_file_than_the_one_that_was_meant_leaves_nothing(
    tmp_path: Path,
) -> None:
    meant = digest(b"another")
    async with in_memory(Store()) as (client, url):
        with pytest.raises(DownloadError) as caught:
            await download(client, url, tmp_path / "a", checksum=meant)
    assert caught.value.reason == "checksum"
    assert meant in str(caught.value)
    assert digest(DATA) in str(caught.value)
    assert names(tmp_path) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"checksum": "sha255:00"}, "Did you mean 'sha256'"),
        ({"checksum": "shake_128"}, "which there is not"),
        ({"checksum": "sha256:00"}, "hold the 64 hexadecimal digits of sha256"),
        ({"checksum": "sha256:"}, "hold the 64 hexadecimal digits of sha256"),
        ({"max_bytes": -1}, "max_bytes=-1 is negative"),
        ({"headers": {"range": "bytes=0-"}}, "sets 'Range' itself"),
        ({"headers": [("IF-Range", '"x"')]}, "sets 'If-Range' itself"),
        ({"headers": {"Accept-Encoding": "gzip"}}, "sets 'Accept-Encoding' itself"),
    ],
)
async def test_what_cannot_be_is_said_before_anything_is_sent(
    arguments: dict[str, Any], message: str, tmp_path: Path
) -> None:
    store = Store()
    async with in_memory(store) as (client, url):
        with pytest.raises(ValueError, match=re.escape(message)):
            await download(client, url, tmp_path / "a", **arguments)
    assert (store.asked, names(tmp_path)) == ([], [])


@pytest.mark.parametrize("attempts", [-1, float("nan")])
def test_a_plan_of_impossible_numbers_is_refused(attempts: Any) -> None:
    with pytest.raises(ValueError, match="is not a number from 0 on"):
        Resume(attempts=attempts)


async def test_a_digest_may_be_written_in_capitals(tmp_path: Path) -> None:
    meant = f"sha256: {hashlib.sha256(DATA).hexdigest().upper()}"
    async with in_memory(Store()) as (client, url):
        done = await download(client, url, tmp_path / "a", checksum=meant)
    assert done.checksum == digest(DATA)


async def test_a_file_is_replaced_only_when_that_is_said(tmp_path: Path) -> None:
    store, target = Store(), tmp_path / "a"
    target.write_bytes(b"mine")
    async with in_memory(store) as (client, url):
        with pytest.raises(FileExistsError, match="overwrite=True"):
            await download(client, url, target)
        assert (store.asked, target.read_bytes()) == ([], b"mine")
        await download(client, url, target, overwrite=True)
    assert target.read_bytes() == DATA
    assert names(tmp_path) == ["a"]


async def test_a_file_that_is_replaced_stays_until_the_new_one_is_whole(
    tmp_path: Path,
) -> None:
    store, target = Store(DATA, MIB), tmp_path / "a"
    target.write_bytes(b"mine")
    async with serving(store) as (client, url):
        with pytest.raises(HTTPConnectionError):
            await client.download(url, target, overwrite=True, retry=False)
        assert target.read_bytes() == b"mine"


@pytest.mark.parametrize(
    ("number", "raised"), [(errno.EPERM, None), (errno.EACCES, PermissionError)]
)
async def test_a_file_system_without_links_will_do(
    number: int,
    raised: type[OSError] | None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def link(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "link", link)
    async with in_memory(Store()) as (client, url):
        if raised is None:
            await download(client, url, tmp_path / "a")
            assert names(tmp_path) == ["a"]
        else:
            with pytest.raises(raised):
                await download(client, url, tmp_path / "a")


async def test_a_folder_is_no_file_and_has_to_be_there(tmp_path: Path) -> None:
    store = Store()
    async with in_memory(store) as (client, url):
        with pytest.raises(IsADirectoryError):
            await download(client, url, tmp_path, overwrite=True)
        with pytest.raises(FileNotFoundError):
            await download(client, url, tmp_path / "none" / "a")
    assert store.asked == []


async def test_a_link_in_the_place_of_the_part_is_not_followed(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_bytes(b"mine")
    part_of(tmp_path / "a").symlink_to(victim)
    async with in_memory(Store()) as (client, url):
        with pytest.raises(OSError, match=r"a\.lexigram-part"):
            await download(client, url, tmp_path / "a")
    assert victim.read_bytes() == b"mine"


async def test_two_downloads_to_one_file_do_not_meet(tmp_path: Path) -> None:
    arrived, go_on = asyncio.Event(), asyncio.Event()

    async def answer(request: Any) -> Any:
        arrived.set()
        await go_on.wait()
        return Store()(request)

    async with in_memory(answer) as (client, url):
        first = asyncio.create_task(download(client, url, tmp_path / "a"))
        await arrived.wait()
        with pytest.raises(BlockingIOError, match="Another download"):
            await download(client, url, tmp_path / "a")
        go_on.set()
        await first
    assert (tmp_path / "a").read_bytes() == DATA
    assert names(tmp_path) == ["a"]


async def test_a_part_that_was_completed_while_it_was_opened_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import fcntl  # noqa: PLC0415 - here to be stood in for

    target, flock = tmp_path / "a", fcntl.flock
    completed: list[bool] = []

    def complete_first(file: Any, operation: int) -> None:
        if not completed:
            completed.append(True)
            part_of(target).rename(target)
        flock(file, operation)

    monkeypatch.setattr(fcntl, "flock", complete_first)
    async with in_memory(Store()) as (client, url):
        with pytest.raises(FileExistsError):
            await download(client, url, target)
    assert target.read_bytes() == b""


async def test_without_locks_a_download_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import fcntl  # noqa: PLC0415 - here to be stood in for

    def flock(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks")

    monkeypatch.setattr(fcntl, "flock", flock)
    async with in_memory(Store()) as (client, url):
        await download(client, url, tmp_path / "a")
    assert (tmp_path / "a").read_bytes() == DATA


@contextmanager
def files_up_to(size: int) -> Iterator[None]:
    """Let the system refuse larger files, as a full disk does."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("resume", [True, False])
async def test_a_full_disk_leaves_a_part_to_go_on_with_or_nothing(
    resume: Any, tmp_path: Path
) -> None:
    store, target = Store(), tmp_path / "a"
    async with serving(store) as (client, url):
        with files_up_to(MIB + 100), pytest.raises(OSError, match="a.lex") as caught:
            await client.download(url, target, resume=resume)
        assert caught.value.errno == errno.EFBIG
        assert not target.exists()
        assert part_of(target).exists() == resume
        if resume:
            assert part_of(target).read_bytes() == DATA[: MIB + 100]
        done = await client.download(url, target, resume=resume, checksum=digest(DATA))
    assert done.resumed_from == (MIB + 100 if resume else 0)
    assert names(tmp_path) == ["a"]


async def test_without_resuming_nothing_is_left_and_nothing_taken_up(
    tmp_path: Path,
) -> None:
    store, target = Store(DATA, MIB, MIB), tmp_path / "a"
    async with serving(store) as (client, url):
        await interrupted(store, url, client, target)
        with pytest.raises(HTTPConnectionError):
            await client.download(url, target, resume=False)
    assert store.asked == [(None, None)]
    assert names(tmp_path) == []


async def test_it_gives_up_after_so_many_interruptions(tmp_path: Path) -> None:
    store, target = Store(DATA, 10, 10, 10, 10), tmp_path / "a"
    async with virtual_time() as clock, serving(store) as (client, url):
        with pytest.raises(HTTPConnectionError) as caught:
            await client.download(url, target, resume=CALM)
        assert clock.elapsed == 1.0 + 2.0 + 4.0
        assert caught.value.failure == "truncated"
        assert "the same call goes on there" in caught.value.__notes__[0]
        assert part_of(target).read_bytes() == DATA[:40]
        assert (await client.download(url, target)).resumed_from == 40


async def test_a_server_that_is_away_for_a_while_is_asked_again(tmp_path: Path) -> None:
    class Away(Store):
        def __call__(self, request: Any) -> Any:
            answer = super().__call__(request)
            if len(self.asked) == 2:
                return Reply(503, {"Retry-After": "7"})
            return answer

    store = Away(DATA, MIB)
    async with virtual_time() as clock, FaultServer.run() as server:
        server.on.get("/file").handle(store)
        async with HTTPClient(retry_policy=Never()) as client:
            url = f"{server.base_url}/file"
            done = await client.download(url, tmp_path / "a", resume=CALM)
        assert clock.elapsed == 8.0
    assert done.interruptions == 2
    assert done.path.read_bytes() == DATA


class Never:
    """A retry policy that retries nothing."""

    async def execute(self, operation: Any, call: Any = None) -> Any:
        return await operation()


@pytest.mark.parametrize(
    "reply", [Reply(503, {"Retry-After": "3600"}), Reply(404), Reply(202)]
)
async def test_an_answer_in_between_that_time_does_not_mend_ends_it(
    reply: Reply, tmp_path: Path
) -> None:
    store = Store(DATA, MIB)
    answer = in_turn(store, lambda _: reply)
    async with virtual_time(), FaultServer.run() as server:
        server.on.get("/file").handle(answer)
        async with HTTPClient(retry_policy=Never()) as client:
            with pytest.raises(HTTPClientError, match=str(reply.status)):
                await client.download(f"{server.base_url}/file", tmp_path / "a")
    assert part_of(tmp_path / "a").read_bytes() == DATA[:MIB]


async def test_a_cancelled_download_can_be_gone_on_with(tmp_path: Path) -> None:
    target = tmp_path / "a"
    async with FaultServer.run() as server, HTTPClient() as client:
        fields = f'ETag: "v1"\r\nContent-Length: {len(DATA)}'
        head = f"HTTP/1.1 200 OK\r\n{fields}\r\n\r\n".encode()
        hanging = fault.raw(head + DATA[:MIB], "hang")
        store = Store()
        server.on.get("/file").handle(in_turn(lambda _: hanging, store))
        url = f"{server.base_url}/file"
        async with virtual_time():
            task = asyncio.create_task(client.download(url, target))
            await asyncio.sleep(10)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        assert client.statistics().open == 0
        assert part_of(target).read_bytes() == DATA[:MIB]
        done = await client.download(url, target, checksum=digest(DATA))
    assert done.resumed_from == MIB


async def test_a_cancellation_waits_for_what_the_disk_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fsync, release = os.fsync, threading.Event()
    reached = asyncio.Event()
    loop = asyncio.get_running_loop()

    def slow(handle: int) -> None:
        loop.call_soon_threadsafe(reached.set)
        assert release.wait(10)
        fsync(handle)

    monkeypatch.setattr(os, "fsync", slow)
    async with in_memory(Store()) as (client, url):
        task = asyncio.create_task(download(client, url, tmp_path / "a"))
        await reached.wait()
        for _ in range(2):
            task.cancel()
            await asyncio.sleep(0)
        assert not task.done()
        release.set()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert names(tmp_path) == ["a"], "what was under way was complete"


async def test_a_cancellation_while_the_disk_is_behind_keeps_what_was_written(
    tmp_path: Path,
) -> None:
    class SlowDisk(PartFile):
        __slots__ = ()

        def write(self, pieces: Sequence[bytes]) -> None:
            loop.call_soon_threadsafe(reached.set)
            assert release.wait(10)
            super().write(pieces)

    loop, reached, release = (
        asyncio.get_running_loop(),
        asyncio.Event(),
        threading.Event(),
    )
    part = SlowDisk(tmp_path / "a", "", None)
    part.open(resume=True, overwrite=False)
    blocks = BlockWriter(part)

    async def write() -> None:
        try:
            for number in range(3):
                await blocks.add(bytes([number]) * BLOCK)
        finally:
            await blocks.drain()

    task = asyncio.create_task(write())
    await reached.wait()
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.sleep(0)
    assert not task.done()
    release.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert part.path.read_bytes() == bytes(BLOCK) + b"\1" * BLOCK
    assert not part.leave(keep=True)
    part.close()
    with pytest.raises(ValueError, match="is not open"):
        part.begin(None, None)


async def test_a_long_part_is_read_again_in_several_turns(tmp_path: Path) -> None:
    store, target = Store(bytes(18 * MIB), 17 * MIB), tmp_path / "a"
    async with serving(store) as (client, url):
        await interrupted(store, url, client, target)
        done = await client.download(url, target, checksum=digest(bytes(18 * MIB)))
    assert done.resumed_from == 17 * MIB


async def test_what_a_callback_raises_ends_the_download(tmp_path: Path) -> None:
    def tell(progress: Progress) -> None:
        raise KeyError("bar")

    async with in_memory(Store()) as (client, url):
        with pytest.raises(KeyError):
            await download(client, url, tmp_path / "a", progress=tell)
    assert names(tmp_path) == []


async def test_a_server_that_gives_smaller_parts_is_asked_until_the_end(
    tmp_path: Path,
) -> None:
    store = Store(DATA, 1)
    store.most = MIB
    async with virtual_time() as clock, serving(store) as (client, url):
        done = await client.download(url, tmp_path / "a", resume=CALM)
        assert clock.elapsed == 1.0
    assert done.path.read_bytes() == DATA
    assert [wanted for wanted, _ in store.asked[1:]] == [
        f"bytes={1 + number * MIB}-" for number in range(3)
    ]
    assert done.interruptions == 1


async def test_a_server_that_gives_crumbs_is_given_up(tmp_path: Path) -> None:
    store = Store(DATA, 1)
    store.most = 1
    async with virtual_time(), serving(store) as (client, url):
        with pytest.raises(DownloadError, match="ended after 4 bytes") as caught:
            await client.download(url, tmp_path / "a", resume=CALM)
    assert caught.value.reason == "short"
    assert part_of(tmp_path / "a").read_bytes() == DATA[:4]


async def test_a_part_of_an_unknown_whole_is_followed_to_its_end(
    tmp_path: Path,
) -> None:
    class Coy(Store):
        def __call__(self, request: Any) -> Any:
            answer = super().__call__(request)
            if not isinstance(answer, Reply) or answer.status == 416:
                return answer
            fields = [
                (name, re.sub(r"/[0-9]+$", "/*", value))
                for name, value in answer.headers.pairs
                if name != "Content-Length"
            ]
            return Reply(answer.status, fields, chunks=[answer.body])

    store = Coy(DATA)
    head = b'HTTP/1.1 200 OK\r\nETag: "v1"\r\nTransfer-Encoding: chunked\r\n\r\n'
    cut_off = fault.raw(head + b"1\r\n" + DATA[:1])
    answer = in_turn(lambda _: cut_off, store)
    async with virtual_time(), serving(answer) as (client, url):
        done = await client.download(url, tmp_path / "a", checksum=digest(DATA))
    assert done.size == len(DATA)
    assert [wanted for wanted, _ in store.asked] == ["bytes=1-", f"bytes={len(DATA)}-"]


async def test_what_is_coded_all_the_same_is_decoded_and_not_gone_on_with(
    tmp_path: Path,
) -> None:
    store, target = Store(gzip.compress(DATA), 1000), tmp_path / "a"
    store.fields["Content-Encoding"] = "gzip"
    async with virtual_time(), serving(store) as (client, url):
        await client.download(url, target, checksum=digest(DATA))
    assert store.asked == [(None, None)] * 2
    assert target.read_bytes() == DATA


class Cutting:
    """A client whose connections bring as many bytes as it is told, and then no more."""

    def __init__(self, data: bytes, sizes: list[int], piece: int) -> None:
        self.data, self.sizes, self.piece = data, sizes, piece

    @asynccontextmanager
    async def stream(
        self, method: str, url: str, **options: Any
    ) -> AsyncIterator[ResponseStream]:
        first = int(options["headers"].get("range", "bytes=0-")[6:-1])
        size = self.sizes.pop(0) if self.sizes else len(self.data)
        body = self.data[first : first + size]
        whole = first + size >= len(self.data)

        async def chunks() -> AsyncIterator[bytes]:
            for start in range(0, len(body), self.piece):
                yield body[start : start + self.piece]
            if not whole:
                raise HTTPConnectionError("Cut.", failure="truncated")

        fields = {"ETag": '"v1"', "Content-Length": str(len(self.data) - first)}
        fields["Content-Range"] = f"bytes {first}-{len(self.data) - 1}/{len(self.data)}"
        status = 206 if first else 200
        yield ResponseStream(status, Headers(fields), url, method, chunks())


@given(
    st.binary(min_size=1, max_size=2000),
    st.lists(st.integers(0, 500), max_size=6),
    st.integers(1, 700),
)
def test_however_it_is_interrupted_the_file_is_the_same(
    data: bytes, sizes: list[int], piece: int
) -> None:
    async def fetch(folder: str) -> Download:
        client = Cutting(data, list(sizes), piece)
        plan = Resume(delay=0.0)
        return await download(
            client, "http://x.test/", Path(folder, "a"), resume=plan, checksum="sha256"
        )

    with TemporaryDirectory() as folder:
        done = asyncio.run(fetch(folder))
        assert done.path.read_bytes() == data
        assert done.checksum == digest(data)
        assert names(Path(folder)) == ["a"]
    cuts = [end for end in accumulate(sizes) if end < len(data)]
    assert done.interruptions == len(cuts)


@given(st.integers(0, 10**17), st.integers(0, 10**17), st.integers(1, 10**17))
def test_a_content_range_is_read_as_it_was_written(
    first: int, length: int, beyond: int
) -> None:
    last = first + length
    total = last + beyond
    read = read_content_range
    assert read(f"bytes {first}-{last}/{total}") == ContentRange((first, last), total)
    assert read(f"Bytes  {first}-{last}/*") == ContentRange((first, last), None)
    assert read(f"bytes */{total}") == ContentRange(None, total)
    assert read(f"bytes {first}-{last}/{last}") is None
    assert read(f"bytes {last + 1}-{first}/*") is None


@given(st.text())
def test_no_content_range_is_too_strange_to_be_looked_at(value: str) -> None:
    read = read_content_range(value)
    if read is not None and read.part is not None:
        first, last = read.part
        assert 0 <= first <= last
        assert read.total is None or last < read.total


@given(
    st.integers(100, 599),
    st.dictionaries(
        st.sampled_from(
            ["Content-Range", "ETag", "Content-Encoding", "Content-Length"]
        ),
        st.sampled_from(['"v"', "gzip", "7", "bytes 5-9/10", "bytes 50-70/*", "x"]),
    ),
    st.none() | st.builds(Asked, st.integers(1, 100), st.just('"v"'), st.none()),
)
def test_a_rest_goes_on_where_the_part_ends_whatever_the_answer(
    status: int, fields: dict[str, str], asked: Asked | None
) -> None:
    answer = read_answer(status, Headers(fields), asked)
    if isinstance(answer, Rest):
        assert asked is not None
        assert answer.end > asked.offset
    if isinstance(answer, Misfit):
        assert status in (206, 416)


def test_of_two_validators_the_strong_tag_is_used() -> None:
    assert validator_of(Headers({"ETag": '"a"', **OLD})) == '"a"'
    assert validator_of(Headers({"ETag": 'W/"a"', **OLD})) == OLD["Last-Modified"]
    date = {**OLD, "Date": "Sat, 21 Nov 2026 10:00:01"}
    assert validator_of(Headers(date)) == OLD["Last-Modified"]


@given(
    st.builds(Resume, attempts=st.integers(0, 50), delay=st.floats(0, 1e6),
              max_delay=st.floats(0, 1e6), jitter=st.floats(0, 10)),
    st.lists(st.integers(0, 2 * MIB), max_size=60),
)  # fmt: skip
def test_no_wait_is_longer_than_allowed(plan: Resume, gains: list[int]) -> None:
    resumption = Resumption(plan, random=lambda: 1.0)
    row = 0
    for gain in gains:
        row = 1 if gain >= MIB else row + 1
        wait = resumption.wait(gain, HTTPConnectionError("", failure="truncated"))
        assert (wait is None) == (row > plan.attempts)
        assert wait is None or wait <= plan.max_delay * (1 + plan.jitter) * 1.000001
    assert resumption.interruptions == len(gains)


@pytest.mark.parametrize(
    ("error", "passes"),
    [
        (HTTPConnectionError("", failure="truncated"), True),
        (HTTPConnectionError("", failure="tls"), False),
        (HTTPConnectionError("", failure="dns", retryable=True), True),
        (HTTPTimeoutError("", phase="total", limit=1.0), True),
        (HTTPCircuitOpenError("", retry_after=2.0), True),
        (HTTPDecodeError("", content_type=""), False),
        (HTTPInvalidRequestError(""), False),
        (
            HTTPRetryExhaustedError(
                "", last=HTTPConnectionError("", failure="disconnected")
            ),
            True,
        ),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_what_time_may_mend_is_waited_for(
    error: HTTPClientError, passes: object
) -> None:
    assert may_pass(error) == passes


@pytest.mark.parametrize(("asked", "wait"), [(2.0, 2.0), (None, 1.0), (61.0, None)])
def test_an_open_circuit_says_how_long_to_wait(
    asked: float | None, wait: float | None
) -> None:
    resumption = Resumption(CALM)
    assert resumption.wait(0, HTTPCircuitOpenError("", retry_after=asked)) == wait
