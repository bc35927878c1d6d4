"""Who waits for a transfer can see how far it is."""

import asyncio
import io
import sys
from collections.abc import AsyncIterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lexigram.contracts.web import BodyStream, FilePart, HTTPInvalidRequestError
from lexigram.http import HTTPClient
from lexigram.http.downloads.download import download
from lexigram.http.progress import Progress, with_progress
from lexigram.http.progress_bar import ProgressBar
from lexigram.testing import FakeHTTPClient, FaultServer, Reply, virtual_time

KIB = 1024
DATA = bytes(700 * KIB)


def done(told: list[Progress]) -> list[int]:
    return [progress.done for progress in told]


async def test_a_download_says_how_far_it_is_ten_times_a_second(tmp_path: Path) -> None:
    told: list[Progress] = []
    reply = Reply(200, {}, chunks=[b"0123456789"] * 100, pause=0.03)
    async with virtual_time(), FaultServer.run() as server, HTTPClient() as client:
        server.on.get("/x").sequence(reply)
        await client.download(
            f"{server.base_url}/x", tmp_path / "x", progress=told.append
        )
    pauses = [later.seconds - earlier.seconds for earlier, later in pairwise(told[:-1])]
    assert min(pauses) >= 0.1
    assert max(pauses) < 0.14
    assert (told[0].done, told[0].total, told[0].fraction) == (0, None, None)
    assert (told[-1].done, told[-1].total, told[-1].fraction) == (1000, 1000, 1.0)
    assert done(told) == sorted(done(told))


@given(
    st.integers(0, 10**15),
    st.none() | st.integers(0, 10**15),
    st.floats(0, 1e6),
    st.integers(0, 10**15),
)
def test_figures_can_be_had_of_any_progress(
    size: int, total: int | None, seconds: float, resumed: int
) -> None:
    resumed = min(size, resumed)
    progress = Progress(size, total, seconds, resumed)
    assert progress.bytes_per_second >= 0
    assert (progress.fraction is None) == (total is None)
    assert progress.fraction is None or 0 <= progress.fraction <= 1
    remaining = progress.remaining_seconds
    assert remaining is None or remaining >= 0
    assert (remaining is None) >= (total is None or not seconds or size == resumed)


def test_the_rate_is_that_of_this_call_alone() -> None:
    progress = Progress(done=300, total=500, seconds=2.0, resumed_from=100)
    assert (progress.bytes_per_second, progress.remaining_seconds) == (100.0, 2.0)
    assert Progress(done=0, total=0, seconds=0.0).fraction == 1.0


@pytest.mark.parametrize("kind", ["bytes", "path", "file", "iterator", "function"])
async def test_an_upload_is_what_it_was_and_is_counted(
    kind: str, tmp_path: Path
) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(DATA), 100 * KIB):
            yield DATA[start : start + 100 * KIB]

    path = tmp_path / "x.bin"
    path.write_bytes(DATA)
    told: list[Progress] = []
    with path.open("rb") as file:
        content: Any = {
            "bytes": DATA,
            "path": path,
            "file": file,
            "iterator": pieces(),
            "function": pieces,
        }[kind]
        async with FaultServer.run() as server, HTTPClient() as client:
            server.on.put("/x").respond(201)
            body = with_progress(content, told.append)
            (await client.put(f"{server.base_url}/x", content=body)).unwrap()
            request = server.calls.one().request
    assert request.body == DATA
    known = kind in {"bytes", "path", "file"}
    assert request.headers.get("content-length") == (str(len(DATA)) if known else None)
    assert (told[0].done, told[0].total) == (0, len(DATA) if known else None)
    assert (told[-1].done, told[-1].total) == (len(DATA), len(DATA))


async def test_each_attempt_of_an_upload_counts_from_the_start() -> None:
    told: list[Progress] = []
    async with virtual_time(), FaultServer.run() as server, HTTPClient() as client:
        server.on.put("/x").sequence(Reply(503), Reply(201))
        body = with_progress(DATA, told.append)
        (await client.put(f"{server.base_url}/x", content=body)).unwrap()
        assert [call.request.body for call in server.calls] == [DATA, DATA]
    assert done(told) == [0, len(DATA), 0, len(DATA)]
    assert told[2].seconds == 0.0


async def test_what_can_be_sent_once_is_sent_once() -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield b"x"

    body = with_progress(pieces(), lambda _: None)
    assert not body.replayable
    async with FaultServer.run() as server, HTTPClient() as client:
        server.on.put("/x").respond(503)
        result = await client.put(f"{server.base_url}/x", content=body)
        assert result.unwrap_err().attempts == 1


async def test_a_slow_upload_is_told_of_as_it_goes() -> None:
    told: list[Progress] = []

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(20):
            await asyncio.sleep(0.06)
            yield b"x" * 10

    async with virtual_time(), FakeHTTPClient(base_url="http://x.test") as client:
        client.on.put("/x").respond(201)
        (await client.put("/x", content=with_progress(pieces, told.append))).unwrap()
    assert len(told) == 12
    assert done(told)[1:3] == [20, 40]


async def test_a_file_of_a_form_keeps_its_name(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes(b"a,b")
    told: list[Progress] = []
    async with FakeHTTPClient(base_url="http://x.test") as client:
        client.on.post("/x").respond()
        with path.open("rb") as file:
            files: dict[str, Any] = {
                "path": with_progress(path, told.append),
                "file": FilePart(with_progress(file, lambda _: None)),
                "bytes": with_progress(b"a,b", lambda _: None),
            }
            (await client.post("/x", files=files)).unwrap()
        sent = client.calls.one().request.body
    assert sent.count(b'filename="x.csv"') == 2
    assert sent.count(b"Content-Type: text/csv") == 2
    assert b'name="bytes"; filename="bytes"' in sent
    assert sent.count(b"a,b") == 3
    assert done(told) == [0, 3]


async def test_what_a_callback_raises_is_the_cause_of_the_failure() -> None:
    def tell(progress: Progress) -> None:
        raise KeyError("bar")

    async with FakeHTTPClient(base_url="http://x.test") as client:
        client.on.put("/x").respond().optional()
        result = await client.put("/x", content=with_progress(b"x", tell))
    error = result.unwrap_err()
    assert isinstance(error, HTTPInvalidRequestError)
    assert isinstance(error.__cause__, KeyError)


async def test_a_body_that_is_left_early_is_closed() -> None:
    closed: list[bool] = []

    async def pieces() -> AsyncIterator[bytes]:
        try:
            yield b"a"
            yield b"b"
        finally:
            closed.append(True)

    chunks: Any = with_progress(pieces, lambda _: None).open()
    assert await anext(chunks) == b"a"
    await chunks.aclose()
    assert closed == [True]


def test_a_body_stream_is_taken_as_it_is() -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield b"abc"

    body = BodyStream(pieces, length=3)
    assert with_progress(body, lambda _: None).length == 3
    with pytest.raises(HTTPInvalidRequestError, match="content is of type int"):
        with_progress(3, lambda _: None)  # type: ignore[arg-type]  # on purpose


async def test_the_bar_shows_bytes_and_the_label_as_it_is(tmp_path: Path) -> None:
    console = pytest.importorskip("rich.console")
    screen = io.StringIO()
    terminal = console.Console(file=screen, force_terminal=True, width=100)
    async with FakeHTTPClient(base_url="http://x.test") as client:
        client.on.get("/x").sequence(Reply(200, body=DATA))
        with ProgressBar("[a].bin", console=terminal) as bar:
            await download(client, "/x", tmp_path / "x", progress=bar)
    assert "[a].bin" in screen.getvalue()
    assert "700.0/700.0 KiB" in screen.getvalue()


def test_without_a_terminal_the_bar_is_one_line_on_standard_error(
    capsys: pytest.CaptureFixture[str],
) -> None:
    pytest.importorskip("rich")
    with ProgressBar("x") as bar:
        bar(Progress(1, 10, 0.1))
        bar(Progress(10, 10, 0.2))
    out, err = capsys.readouterr()
    assert out == ""
    assert len(err.strip().splitlines()) == 1
    assert "10/10 bytes" in err


def test_the_bar_without_rich_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "rich", None)
    with pytest.raises(ModuleNotFoundError, match=r'"lexigram-http\[cli\]"'):
        ProgressBar("x")
