"""What SECURITY.md says beside its promises holds: its numbers, defaults and limits.

The promises have tests of their own (`test_promises.py`). Each test here is about a
sentence of the page, and looks for it, so that the page cannot say something else.
"""

from __future__ import annotations

import gzip
import re
import tomllib
from pathlib import Path

import check
import pytest
import sbom
from promises import written
from soaking.run import CALLS

from environments import ROOT
from lexigram.contracts.web import (
    HTTPDecodeError,
    HTTPResponseTooLargeError,
    HTTPTimeoutError,
)
from lexigram.http import HTTPClient, HTTPClientConfig, download
from lexigram.testing import FaultServer, Reply, fault, virtual_time

PAGE = " ".join((ROOT / "SECURITY.md").read_text().split())
MIB = 1024 * 1024


def says(sentence: str) -> None:
    assert sentence in PAGE, f"SECURITY.md does not say so any more: {sentence}"


def zeros(size: int) -> Reply:
    """Return an answer that is small on the wire and this large when decoded."""
    coded = gzip.compress(bytes(size), compresslevel=1)
    return Reply(200, headers={"Content-Encoding": "gzip"}, body=coded)


# --- limits ---------------------------------------------------------------------------


async def test_ten_redirects_are_followed_and_an_eleventh_is_not() -> None:
    says("ten redirects at most")
    async with FaultServer.run() as server, HTTPClient() as client:
        server.on.get("/{n}").handle(
            lambda request: Reply(
                302, headers={"Location": f"/{int(request.path_params['n']) - 1}"}
            )
        )
        server.on.get("/0").respond(200)
        assert (await client.get(f"{server.base_url}/10")).is_ok()
        assert (await client.get(f"{server.base_url}/11")).is_err()


async def test_a_body_of_32_mib_is_read_and_a_byte_more_is_not() -> None:
    says("32 MiB at most, decoded")
    async with FaultServer.run() as server, HTTPClient() as client:
        server.on.get("/fits").sequence(zeros(32 * MIB))
        server.on.get("/more").sequence(zeros(32 * MIB + 1))
        fits = await client.get(f"{server.base_url}/fits")
        assert len(fits.unwrap().body) == 32 * MIB
        more = (await client.get(f"{server.base_url}/more")).unwrap_err()
        assert isinstance(more, HTTPResponseTooLargeError)


@pytest.mark.parametrize("hangs", ["before the answer", "within it"])
async def test_a_call_lasts_30_seconds_whatever_the_server_does(hangs: str) -> None:
    says("30 s for a call, everything included")
    async with (
        virtual_time() as clock,
        FaultServer.run() as server,
        HTTPClient() as client,
    ):
        within = fault.hang(after_bytes=100 if hangs == "within it" else 0)
        server.on.get("/v1").fail(within)
        error = (await client.get(f"{server.base_url}/v1")).unwrap_err()
        assert isinstance(error, HTTPTimeoutError)
        assert clock.elapsed == 30


async def test_a_minute_of_retry_after_is_waited_for_and_no_more() -> None:
    says("no `Retry-After` beyond a minute")
    async with (
        virtual_time() as clock,
        FaultServer.run() as server,
        HTTPClient() as client,
    ):
        server.on.get("/v1").sequence(
            Reply(429, headers={"Retry-After": "60"}), Reply(200)
        )
        answer = await client.get(f"{server.base_url}/v1", timeout=600)
        assert (answer.is_ok(), clock.elapsed) == (True, 60)
        server.on.get("/v2").respond(429, headers={"Retry-After": "61"})
        assert (await client.get(f"{server.base_url}/v2", timeout=600)).is_err()
        assert clock.elapsed == 60


async def test_a_stream_ends_after_60_seconds_of_silence_alone() -> None:
    says("60 s of silence in a stream")
    says("A stream has no limit of size in all, and none of time but for silence.")
    pieces = [bytes(8 * MIB)] * 5
    async with (
        virtual_time() as clock,
        FaultServer.run() as server,
        HTTPClient() as client,
    ):
        server.on.get("/slow").sequence(Reply(chunks=pieces, pause=59))
        async with client.stream("GET", f"{server.base_url}/slow") as stream:
            read = sum([len(piece) async for piece in stream.bytes()])
        assert (read, round(clock.elapsed)) == (40 * MIB, 4 * 59)
        server.on.get("/silent").sequence(Reply(chunks=[b"a", b"b"], pause=61))
        async with client.stream("GET", f"{server.base_url}/silent") as stream:
            with pytest.raises(HTTPTimeoutError):
                _ = [piece async for piece in stream.bytes()]


async def test_a_line_of_a_stream_has_16_mib_unless_told_otherwise() -> None:
    says("16 MiB at most, unless you say otherwise")
    async with FaultServer.run() as server, HTTPClient() as client:
        server.on.get("/line").sequence(*[zeros(16 * MIB + 1)] * 2)
        url = f"{server.base_url}/line"
        async with client.stream("GET", url) as stream:
            with pytest.raises(HTTPResponseTooLargeError):
                _ = [line async for line in stream.lines()]
        async with client.stream("GET", url) as stream:
            lines = [line async for line in stream.lines(max_line_bytes=17 * MIB)]
        assert [len(line) for line in lines] == [16 * MIB + 1]


# --- what is not protected from -------------------------------------------------------


async def test_any_address_is_called_by_default() -> None:
    says("Any address is called by default")
    async with FaultServer.run() as server, HTTPClient() as client:
        server.on.get("/").respond(200)
        assert server.host == "127.0.0.1"
        assert (await client.get(server.base_url)).is_ok()


async def test_proxies_of_the_environment_are_taken_unless_it_is_not_trusted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    says("`HTTP_PROXY` and its kin are honoured")
    says("`trust_env: false` ignores them")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    async with FaultServer.run() as server, FaultServer.run() as proxy:
        server.on.get("/v1").respond(200)
        proxy.on.get(re.compile(".*")).respond(203)
        monkeypatch.setenv("http_proxy", proxy.base_url)
        url = f"{server.base_url}/v1"
        async with HTTPClient() as client:
            assert (await client.get(url)).unwrap().status == 203
        async with HTTPClient(HTTPClientConfig(trust_env=False)) as client:
            assert (await client.get(url)).unwrap().status == 200


async def test_a_secret_in_a_path_is_shown_and_one_in_a_query_is_not() -> None:
    says("a secret in a path, a name that does not sound like one, are shown")
    async with FaultServer.run() as server, HTTPClient() as client:
        server.on.get("/in-path").respond(404)
        url = f"{server.base_url}/in-path?token=in-query"
        error = (await client.get(url)).unwrap_err()
        assert "in-path" in str(error)
        assert "in-query" not in str(error)


async def test_json_that_is_nested_too_deeply_is_an_error_of_the_contract() -> None:
    says("at any depth that it takes")
    async with FaultServer.run() as server, HTTPClient() as client:
        server.on.get("/deep").respond(200, text="[" * 200_000)
        answer = (await client.get(f"{server.base_url}/deep")).unwrap()
        with pytest.raises(HTTPDecodeError):
            _ = answer.json


async def test_a_download_takes_the_place_of_a_link_and_leaves_what_it_led_to(
    tmp_path: Path,
) -> None:
    says("links are not followed")
    victim = tmp_path / "victim"
    victim.write_bytes(b"mine")
    (tmp_path / "file").symlink_to(victim)
    async with FaultServer.run() as server, HTTPClient() as client:
        server.on.get("/file").respond(200, text="theirs")
        await download(
            client, f"{server.base_url}/file", tmp_path / "file", overwrite=True
        )
    assert victim.read_bytes() == b"mine"
    assert (tmp_path / "file").read_bytes() == b"theirs"
    assert not (tmp_path / "file").is_symlink()


def test_contracts_need_nothing() -> None:
    says("contracts need nothing")
    pyproject = ROOT / "packages" / "lexigram-contracts" / "pyproject.toml"
    assert tomllib.loads(pyproject.read_text())["project"].get("dependencies", []) == []


# --- what we do to find out -----------------------------------------------------------


def test_the_commands_of_the_page_do_what_it_says() -> None:
    says(f"`tools/soak.py` makes {CALLS:,} calls")
    says("`uv run python tools/check.py audit` asks for known vulnerabilities")
    assert "vulnerabilities" in (check.STEPS["audit"].__doc__ or "")
    says("`uv run python tools/sbom.py dist/` writes down what is in the wheels")
    assert "tools/sbom.py dist/" in (sbom.__doc__ or "")
    for tool in re.findall(r"`(?:uv run python )?(tools/\w+\.py)", PAGE):
        assert (ROOT / tool).is_file()


def test_what_is_parsed_or_shown_is_promised_for_any_input() -> None:
    """Those of the promises that the page means by "what is read or shown"."""
    says("what is parsed, divided or shown with any input (hypothesis)")
    by_id = {promise.id: promise for promise in written()}
    for name in ("05", "32", "41", "44", "45", "46", "50", "53", "60"):
        assert any(map(takes_any_input, by_id[f"SEC-{name}"].tests)), name


def takes_any_input(test: str) -> bool:
    file, _, name = test.partition("::")
    distribution, _, rest = file.partition("/")
    folder = ROOT if distribution == "tests" else ROOT / "packages" / distribution
    source = (folder / "tests" / rest).read_text()
    decorated = rf"^@given\((?:(?!^\S*def ).)*?^(?:async )?def {name}\("
    return bool(re.search(decorated, source, re.DOTALL | re.MULTILINE))
