"""The command `python -m lexigram.http`: what it sends, what it shows, how it ends."""

import asyncio
import fcntl
import hashlib
import io
import json
import os
import pty
import signal
import sys
import termios
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lexigram.http.cli.command import main
from lexigram.http.cli.exits import MEANINGS, ExitCode
from lexigram.http.cli.layout import laid_out, visible
from lexigram.testing import FaultServer, Reply, fault

FULL = Path("/dev/full")
GUIDE = Path(__file__).resolve().parents[3] / "docs" / "guides" / "command.md"


class Terminal(io.TextIOWrapper):
    """Standard output that is a terminal."""

    def __init__(self) -> None:
        super().__init__(io.BytesIO(), encoding="utf-8", newline="")

    def isatty(self) -> bool:
        return True

    @classmethod
    def stand_in(cls, monkeypatch: pytest.MonkeyPatch) -> "Terminal":
        """Take the place of standard output until the end of the test."""
        made = cls()
        monkeypatch.setattr(sys, "stdout", made)
        monkeypatch.setenv("TERM", "xterm-256color")
        monkeypatch.delenv("NO_COLOR", raising=False)
        return made

    @property
    def shown(self) -> str:
        self.flush()
        buffer = self.buffer
        assert isinstance(buffer, io.BytesIO)
        return buffer.getvalue().decode()


async def run(*arguments: str) -> int:
    """Run the command beside the loop that the server needs."""
    return await asyncio.to_thread(main, arguments)


async def begin(
    *arguments: str,
    stdin: int = asyncio.subprocess.DEVNULL,
    stdout: int = asyncio.subprocess.PIPE,
) -> asyncio.subprocess.Process:
    """Start the command in a process of its own."""
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "lexigram.http", *arguments,
        stdin=stdin, stdout=stdout, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip


# --- What is sent


@pytest.mark.parametrize("verb", ["get", "head", "post", "put", "patch", "delete"])
async def test_each_verb_sends_its_method(verb: str) -> None:
    async with FaultServer.run() as server:
        server.on(verb.upper(), "/x").respond(204)

        assert await run(verb, f"{server.base_url}/x") == 0

        assert server.calls.one().request.method == verb.upper()


async def test_request_sends_any_method_with_headers_and_query() -> None:
    async with FaultServer.run() as server:
        server.on("PURGE", "/x").respond(204)

        arguments = ["-H", "X-One: a:b", "-H", "X-Two:", "-q", "a=1", "-q", "a=x=y"]
        assert await run("request", "purge", f"{server.base_url}/x", *arguments) == 0

        sent = server.calls.one().request
    assert sent.params == (("a", "1"), ("a", "x=y"))
    assert (sent.headers["x-one"], sent.headers["x-two"]) == ("a:b", "")


@pytest.mark.parametrize("source", ["text", "file"])
async def test_json_is_sent_as_it_is_written(source: str, tmp_path: Path) -> None:
    text = '{"a": 1.10, "a": 2}'
    path = tmp_path / "body.json"
    path.write_text(text)
    given = text if source == "text" else f"@{path}"
    async with FaultServer.run() as server:
        server.on.post("/x").respond(204)

        assert await run("post", f"{server.base_url}/x", "--json", given) == 0

        sent = server.calls.one().request
    assert sent.body == text.encode()
    assert sent.headers["content-type"] == "application/json"


async def test_a_content_type_of_ones_own_stays() -> None:
    async with FaultServer.run() as server:
        server.on.patch("/x").respond(204)

        kind = "application/merge-patch+json"
        arguments = ["--json", "{}", "-H", f"content-type: {kind}"]
        assert await run("patch", f"{server.base_url}/x", *arguments) == 0

        assert server.calls.one().request.headers.get_all("content-type") == [kind]


async def test_data_is_sent_from_text_and_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "data"
    path.write_bytes(b"\0\xff")
    async with FaultServer.run() as server:
        server.on.put("/x").respond(204)

        assert await run("put", f"{server.base_url}/x", "--data", "é") == 0
        assert await run("put", f"{server.base_url}/x", "--data", f"@{path}") == 0
        assert await run("put", f"{server.base_url}/x", "--data", "\udcff") == 0

        bodies = [call.request.body for call in server.calls]
    assert bodies == ["é".encode(), b"\0\xff", b"\xff"]


async def test_a_form_repeats_names_and_takes_files(tmp_path: Path) -> None:
    path = tmp_path / "note.txt"
    path.write_text("hello")
    fields = ["--form", "a=1", "--form", "a=2", "--form", "b=x=y"]
    async with FaultServer.run() as server:
        server.on.post("/x").respond(204)

        assert await run("post", f"{server.base_url}/x", *fields) == 0
        assert (
            await run("post", f"{server.base_url}/x", *fields, "--file", f"f=@{path}")
            == 0
        )

        plain, multipart = (call.request for call in server.calls)
    assert plain.body == b"a=1&a=2&b=x%3Dy"
    assert multipart.headers["content-type"].startswith("multipart/form-data")
    assert b'name="f"; filename="note.txt"' in multipart.body
    assert multipart.body.count(b'name="a"') == 2


@pytest.mark.parametrize("option", ["--data", "--json"])
@pytest.mark.parametrize("source", ["pipe", "file"])
async def test_standard_input_is_a_body(
    option: str, source: str, tmp_path: Path
) -> None:
    path = tmp_path / "body"
    path.write_bytes(b'"hello"')
    async with FaultServer.run() as server:
        server.on.post("/x").respond(204)
        arguments = ("post", f"{server.base_url}/x", option, "-")

        if source == "pipe":
            process = await begin(*arguments, stdin=asyncio.subprocess.PIPE)
            await process.communicate(b'"hello"')
        else:
            with path.open("rb") as file:
                process = await begin(*arguments, stdin=file.fileno())
                await process.communicate()

        assert process.returncode == 0
        assert server.calls.one().request.body == b'"hello"'


async def test_a_body_that_is_a_file_is_sent_again_and_one_from_a_pipe_is_not(
    tmp_path: Path,
) -> None:
    path = tmp_path / "body"
    path.write_bytes(b"x")
    async with FaultServer.run() as server:
        server.on.put("/x").respond(503)
        arguments = ("put", f"{server.base_url}/x", "--data", "-")

        with path.open("rb") as file:
            await (await begin(*arguments, stdin=file.fileno())).communicate()
        assert len(server.calls) == 3

        process = await begin(*arguments, stdin=asyncio.subprocess.PIPE)
        await process.communicate(b"x")
        assert len(server.calls) == 4


# --- Credentials


async def test_secrets_come_from_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TOKEN", "t0k3n")
    monkeypatch.setenv("PASSWORD", "pw")
    async with FaultServer.run() as server:
        server.on.get("/x").respond(204)
        url = f"{server.base_url}/x"

        assert await run("get", url, "--bearer-env", "TOKEN") == 0
        assert await run("get", url, "--auth", "me", "--password-env", "PASSWORD") == 0
        assert await run("get", url, "--auth", "me:pw") == 0
        assert await run("get", url, "--header-env", "X-Api-Key=TOKEN") == 0

        bearer, basic, typed, key = (call.request.headers for call in server.calls)
    assert bearer["authorization"] == "Bearer t0k3n"
    assert basic["authorization"] == typed["authorization"] == "Basic bWU6cHc="
    assert key["x-api-key"] == "t0k3n"


async def test_a_password_is_asked_for_on_the_terminal_and_not_shown() -> None:
    async with FaultServer.run() as server:
        server.on.get("/x").respond(204)
        code, shown = await on_a_terminal(
            "get", f"{server.base_url}/x", "--auth", "me", typed=b"pw\n"
        )

        assert code == 0
        authorization = server.calls.one().request.headers["authorization"]
    assert authorization == "Basic bWU6cHc="
    assert "Password of 'me': " in shown
    assert "pw" not in shown


async def test_a_bearer_token_stays_at_its_origin(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TOKEN", "t0k3n")
    async with FaultServer.run() as home, FaultServer.run() as away:
        home.on.get("/x").respond(302, headers={"Location": f"{away.base_url}/y"})
        away.on.get("/y").respond(204)

        assert await run("get", f"{home.base_url}/x", "--bearer-env", "TOKEN") == 0

        assert "authorization" in home.calls.one().request.headers
        assert "authorization" not in away.calls.one().request.headers


async def test_nothing_secret_is_printed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SECRET", "s3cret")
    async with FaultServer.run() as server:
        server.on.get("/x").respond(
            503, headers={"Set-Cookie": "s3cret", "X-Auth-Token": "s3cret"}
        )
        server.on.get("/gone").fail(fault.close())
        options = [
            "-iv", "--header-env", "X-Api-Key=SECRET", "--bearer-env", "SECRET",
            "-q", "key=s3cret", "-H", "Cookie: s3cret",
        ]  # fmt: skip

        assert await run("get", f"{server.base_url}/x", *options) == 1
        assert await run("get", f"{server.base_url}/gone", *options) == 3
        options[0] = "-v"
        assert await run("explain", "get", f"{server.base_url}/x", *options) == 0

    out, err = capsys.readouterr()
    assert "Set-Cookie: ***" in out
    assert "key=***" in err
    assert "s3cret" not in out + err


@pytest.mark.parametrize(
    "given",
    [
        ["-H", "s3cret"],
        ["--haeder", "Authorization: s3cret"],
        ["--bearer=s3cret"],
        ["s3cret"],
        ["--proxy", "http://me:s3cret@["],
        ["--auth", "me:s3cret", "-H", "Authorization: s3cret"],
    ],
)
async def test_what_is_misspelt_is_not_repeated_when_it_may_be_secret(
    given: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    code: object
    try:
        code = await run("get", "http://me:s3cret@127.0.0.1/?key=s3cret", *given)
    except SystemExit as end:
        code = end.code

    assert code == 2
    assert "s3cret" not in "".join(capsys.readouterr())


# --- Behaviour


async def test_options_of_behaviour_reach_the_call(
    capsys: pytest.CaptureFixture[str],
) -> None:
    given = ["--timeout", "5", "--no-retry", "--no-follow", "--max-bytes", "9"]
    code = await run("explain", "get", "http://api.test/", *given, "--no-proxy")

    assert code == 0
    plan = capsys.readouterr().out
    assert "total              5 s, by the option `timeout`" in plan
    assert "no: `retry=False` forbids it" in plan
    assert "redirects          not followed" in plan
    assert "up to 9 bytes" in plan
    assert "proxy              none, by the option `proxy`" in plan


async def test_no_limit_of_time_can_be_asked_for(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert await run("explain", "get", "http://api.test/", "--timeout", "none") == 0

    plan = capsys.readouterr().out
    assert "total              no limit, by the option `timeout`" in plan


async def test_a_proxy_is_used(capsys: pytest.CaptureFixture[str]) -> None:
    async with FaultServer.run() as proxy:
        proxy.on.get("http://api.test/x").respond(text="proxied")

        code = await run("get", "http://api.test/x", "--proxy", proxy.base_url)

        assert (code, capsys.readouterr().out) == (0, "proxied")


async def test_an_authority_can_be_trusted_and_none_is_by_default(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with FaultServer.run(tls=True) as server:
        server.on.get("/x").respond(text="safe")
        authority = tmp_path / "ca.pem"
        authority.write_bytes(server.ca_pem)

        assert await run("get", f"{server.base_url}/x") == 3
        assert capsys.readouterr().out == ""
        code = await run("get", f"{server.base_url}/x", "--ca-file", str(authority))

        assert (code, capsys.readouterr().out) == (0, "safe")


# --- What is shown


async def test_what_is_no_terminal_gets_the_body_as_it_is(
    capfdbinary: pytest.CaptureFixture[bytes],
) -> None:
    body = b'\xff\0{"a":   1}'
    async with FaultServer.run() as server:
        server.on.get("/x").respond(
            body=body, headers={"Content-Type": "application/json"}
        )

        assert await run("get", f"{server.base_url}/x") == 0

    assert capfdbinary.readouterr() == (body, b"")


async def test_json_is_laid_out_and_coloured_on_a_terminal(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    terminal = Terminal.stand_in(monkeypatch)
    async with FaultServer.run() as server:
        server.on.get("/x").respond(
            body=b'{"price":1.10,"tags":[],"of":{"a":"\\u00e9"}}',
            headers={"Content-Type": "application/problem+json"},
        )

        assert await run("get", f"{server.base_url}/x") == 0

    shown = terminal.shown
    assert "\x1b[" in shown
    plain = "".join(part.partition("m")[2] for part in f"m{shown}".split("\x1b["))
    assert (
        plain == '{\n  "price": 1.10,\n  "tags": [],\n  "of": {\n    "a": "é"\n  }\n}\n'
    )


@pytest.mark.parametrize(("name", "value"), [("TERM", "dumb"), ("NO_COLOR", "1")])
async def test_colours_can_be_done_without(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal = Terminal.stand_in(monkeypatch)
    monkeypatch.setenv(name, value)
    async with FaultServer.run() as server:
        server.on.get("/x").respond(json=[1])

        assert await run("get", f"{server.base_url}/x") == 0

    assert terminal.shown == "[\n  1\n]\n"


async def test_raw_shows_json_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal.stand_in(monkeypatch)
    async with FaultServer.run() as server:
        server.on.get("/x").respond(json=[1])

        assert await run("get", f"{server.base_url}/x", "--raw") == 0

    assert terminal.shown == "[1]"


@pytest.mark.parametrize("option", [[], ["--raw"]])
@pytest.mark.parametrize("body", [b"\x89PNG\0", b"\xff\xfe"])
async def test_binary_data_is_not_shown_on_a_terminal(
    body: bytes,
    option: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    terminal = Terminal.stand_in(monkeypatch)
    async with FaultServer.run() as server:
        server.on.get("/x").respond(body=body, headers={"Content-Type": "image/png"})

        assert await run("get", f"{server.base_url}/x", *option) == 0

    assert terminal.shown == ""
    assert f"The body, {len(body)} bytes of image/png" in capsys.readouterr().err


async def test_binary_data_goes_to_a_terminal_when_told_to(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    terminal = Terminal.stand_in(monkeypatch)
    async with FaultServer.run() as server:
        server.on.get("/x").respond(body=b"a\0b")

        assert await run("get", f"{server.base_url}/x", "-o", "-") == 0

    assert terminal.shown == "a\0b"


@pytest.mark.parametrize(
    ("text", "charset"), [("a\ufffd", "utf-8"), ("aé", "utf-16"), ("aé", "latin-1")]
)
async def test_text_in_any_charset_is_text(
    text: str, charset: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal = Terminal.stand_in(monkeypatch)
    kind = f"text/plain; charset={charset}"
    async with FaultServer.run() as server:
        server.on.get("/x").respond(
            body=text.encode(charset), headers={"Content-Type": kind}
        )

        assert await run("get", f"{server.base_url}/x") == 0

    assert terminal.shown == f"{text}\n"


async def test_a_body_cannot_talk_to_the_terminal(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    terminal = Terminal.stand_in(monkeypatch)
    async with FaultServer.run() as server:
        server.on.get("/x").respond(text="a\x1b[2J\r\nb\tc\u009b1m")
        server.on.get("/lines").respond(text="a\x1b]0;title\x07\n")

        assert await run("get", f"{server.base_url}/x") == 0
        assert await run("stream", f"{server.base_url}/lines") == 0

    assert terminal.shown == "a\\x1b[2J\nb\tc\\x9b1m\na\\x1b]0;title\\x07\n"


async def test_include_shows_status_and_headers_first(
    capsys: pytest.CaptureFixture[str],
) -> None:
    async with FaultServer.run() as server:
        server.on.get("/x").respond(201, text="body", headers={"X-One": "1"})

        assert await run("get", f"{server.base_url}/x", "-i") == 0

    head, _, body = capsys.readouterr().out.partition("\n\n")
    assert head.startswith("201 Created\n")
    assert "X-One: 1" in head.splitlines()
    assert body == "body"


async def test_head_shows_the_headers(capsys: pytest.CaptureFixture[str]) -> None:
    async with FaultServer.run() as server:
        server.on.head("/x").respond(299, headers={"X-One": "1"})

        assert await run("head", f"{server.base_url}/x") == 0

    assert capsys.readouterr().out.startswith("299\n")


async def test_verbose_shows_the_plan_and_the_attempts_on_standard_error(
    capsys: pytest.CaptureFixture[str],
) -> None:
    async with FaultServer.run() as server:
        server.on.get("/x").sequence(Reply(503), Reply(200))
        server.on.get("/y").respond(text="")

        assert await run("get", f"{server.base_url}/x", "-v") == 0
        out, err = capsys.readouterr()
        assert await run("get", f"{server.base_url}/y", "-v") == 0

    assert out == ""
    assert "  policies           built in: 3 attempts" in err
    attempts = [line for line in err.splitlines() if " took " in line]
    assert [line[0] for line in attempts] == ["1", "2"]
    assert "503" in attempts[0]
    assert "Answered 200 at once" in capsys.readouterr().err


async def test_a_failure_shows_its_attempts_only_when_asked_for(
    capsys: pytest.CaptureFixture[str],
) -> None:
    async with FaultServer.run() as server:
        server.on.get("/x").fail(fault.close())

        assert await run("get", f"{server.base_url}/x") == 3
        short = capsys.readouterr().err
        assert await run("get", f"{server.base_url}/x", "-v") == 3
        full = capsys.readouterr().err

    assert short.count("\n") == 1
    assert full.count(" took ") == 3


# --- Files


async def test_output_takes_the_body_of_a_success_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "out"
    async with FaultServer.run() as server:
        server.on.get("/x").respond(body=b"a\0b")
        server.on.get("/y").respond(404, text="no such thing")

        assert await run("get", f"{server.base_url}/x", "-o", str(path)) == 0
        assert capsys.readouterr() == ("", "")
        assert await run("get", f"{server.base_url}/y", "-o", str(path)) == 1

    assert path.read_bytes() == b"a\0b"
    out, err = capsys.readouterr()
    assert out == "no such thing"
    assert "The server answered 404 (no such thing)." in err


async def test_a_file_that_cannot_be_written_is_known_before_anything_is_sent(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with FaultServer.run() as server:
        server.on.post("/x").respond(204)

        path = tmp_path / "none" / "out"
        assert await run("post", f"{server.base_url}/x", "-o", str(path)) == 9
        assert not server.calls
        assert await run("post", f"{server.base_url}/x", "-o", str(tmp_path)) == 9

    assert capsys.readouterr().err.splitlines() == [
        f"There is no folder {str(path.parent)!r}.",
        f"The file {str(tmp_path)!r} cannot be used: Is a directory.",
    ]


@pytest.mark.parametrize(
    "option", [["--data", "@{}"], ["--json", "@{}"], ["--file", "f=@{}"]]
)
async def test_a_file_that_is_not_there_is_named(
    option: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = str(tmp_path / "none")
    given = [part.format(path) for part in option]

    assert await run("post", "http://127.0.0.1/", *given) == 9

    assert capsys.readouterr().err == (
        f"The file {path!r} cannot be used: No such file or directory.\n"
    )


# --- Streams

EVENTS = (
    b"id: 1\nevent: add\ndata: {\ndata: }\n\ndata: b\n\ndata: [DONE]\n\ndata: c\n\n"
)


@pytest.mark.parametrize("option", [[], ["--events"]])
async def test_events_are_printed_as_json(
    option: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    async with FaultServer.run() as server:
        server.on.post("/x").respond(
            body=EVENTS, headers={"Content-Type": "text/event-stream"}
        )

        code = await run(
            "stream", "-X", "post", f"{server.base_url}/x",
            "--json-body", "{}", "--end", "[DONE]", *option,
        )  # fmt: skip

        assert (code, server.calls.one().request.body) == (0, b"{}")
    lines = capsys.readouterr().out.splitlines()
    assert [json.loads(line) for line in lines] == [
        {"event": "add", "data": "{\n}", "id": "1"},
        {"event": "message", "data": "b", "id": "1"},
    ]


async def test_raw_events_are_their_data(capsys: pytest.CaptureFixture[str]) -> None:
    async with FaultServer.run() as server:
        server.on.get("/x").respond(
            body=EVENTS, headers={"Content-Type": "text/event-stream"}
        )

        assert await run("stream", f"{server.base_url}/x", "--raw") == 0

    assert capsys.readouterr().out == "{\n}\nb\n[DONE]\nc\n"


@pytest.mark.parametrize(
    ("kind", "option"),
    [
        ("application/x-ndjson", []),
        ("application/json", ["--json"]),
        ("text/plain", ["--json"]),
    ],
)
async def test_json_values_are_printed_as_they_were_sent(
    kind: str, option: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    async with FaultServer.run() as server:
        server.on.get("/x").respond(
            body=b'{"a": 1.10}\r\n\r\n[1]', headers={"Content-Type": kind}
        )

        assert await run("stream", f"{server.base_url}/x", *option) == 0

    assert capsys.readouterr().out == '{"a": 1.10}\n[1]\n'


async def test_a_value_of_a_json_text_sequence_is_printed_on_one_line(
    capsys: pytest.CaptureFixture[str],
) -> None:
    async with FaultServer.run() as server:
        server.on.get("/x").respond(
            body='\x1e{\n "a":\r\n "\u2028"}\n\x1e2\n'.encode(),
            headers={"Content-Type": "application/json-seq"},
        )

        assert await run("stream", f"{server.base_url}/x") == 0

    assert capsys.readouterr().out == '{  "a":  "\u2028"}\n2\n'


async def test_what_is_before_a_bad_value_is_printed(
    capsys: pytest.CaptureFixture[str],
) -> None:
    async with FaultServer.run() as server:
        server.on.get("/x").respond(text="1\n{\n2\n")

        assert await run("stream", f"{server.base_url}/x", "--json") == 7

    assert capsys.readouterr().out == "1\n"


async def test_anything_else_is_printed_by_lines(
    capsys: pytest.CaptureFixture[str],
) -> None:
    async with FaultServer.run() as server:
        server.on.get("/x").respond(text="a\u2028b\rc\r\nd")

        assert await run("stream", f"{server.base_url}/x", "-i") == 0

    head, _, body = capsys.readouterr().out.partition("\n\n")
    assert head.startswith("200 OK\n")
    assert body == "a\u2028b\nc\nd\n"


async def test_an_error_is_no_data(capsys: pytest.CaptureFixture[str]) -> None:
    async with FaultServer.run() as server:
        server.on.get("/x").respond(500, text="broken")

        assert await run("stream", f"{server.base_url}/x", "--no-retry") == 1

    out, err = capsys.readouterr()
    assert out == ""
    assert "The server answered 500 (broken)." in err


# --- Downloads


async def test_a_download_is_named_by_its_url_and_printed(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    async with FaultServer.run() as server:
        server.on.get("/files/a b.bin").respond(body=b"a\0b")

        assert await run("download", f"{server.base_url}/files/a%20b.bin?x=1/y") == 0

    assert capsys.readouterr() == ("a b.bin\n", "3 bytes.\n")
    assert (tmp_path / "a b.bin").read_bytes() == b"a\0b"


async def test_a_download_goes_into_a_folder_or_to_a_path(tmp_path: Path) -> None:
    async with FaultServer.run() as server:
        server.on.get("/x").respond(body=b"x")
        url = f"{server.base_url}/x"

        assert await run("download", url, str(tmp_path)) == 0
        assert await run("download", url, str(tmp_path / "y")) == 0

    assert (tmp_path / "x").read_bytes() == (tmp_path / "y").read_bytes() == b"x"


@pytest.mark.parametrize("path", ["", "/", "/a/", "/..%2Fx", "/%2e%2e", "/a%5Cb"])
async def test_a_url_without_a_usable_name_needs_a_path(
    path: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await run("download", f"http://127.0.0.1:9{path}") == 2

    assert capsys.readouterr().err == (
        "The URL does not end with the name of a file. Give a PATH.\n"
    )


@pytest.mark.parametrize("command", ["get", "download", "stream"])
@pytest.mark.parametrize("url", ["http://[", "", "file:///etc/passwd", "example.com/x"])
async def test_a_url_that_cannot_be_used_is_explained(
    url: str, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await run(command, url) == 2

    assert "The URL " in capsys.readouterr().err


async def test_a_file_is_replaced_only_when_asked_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"old")
    async with FaultServer.run() as server:
        server.on.get("/x").respond(body=b"new")
        arguments = ("download", f"{server.base_url}/x", str(path))

        assert await run(*arguments) == 9
        assert path.read_bytes() == b"old"
        assert "Replace it with --overwrite" in capsys.readouterr().err
        assert await run(*arguments, "--overwrite") == 0

    assert path.read_bytes() == b"new"


async def test_a_download_is_checked_and_limited(tmp_path: Path) -> None:
    path = tmp_path / "x"
    right = f"sha256:{hashlib.sha256(b'data').hexdigest()}"
    async with FaultServer.run() as server:
        server.on.get("/x").respond(body=b"data")
        server.on.get("/404").respond(404)
        arguments = ("download", f"{server.base_url}/x", str(path))

        wrong = right[:-1] + ("0" if right[-1] != "0" else "1")
        assert await run(*arguments, "--checksum", wrong) == 7
        assert await run(*arguments, "--max-bytes", "3") == 6
        assert await run("download", f"{server.base_url}/404", str(path)) == 1
        assert not path.exists()
        assert await run(*arguments, "--checksum", right, "--max-bytes", "4") == 0

    assert path.read_bytes() == b"data"


async def test_a_download_that_was_interrupted_goes_on_when_run_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "x"
    cut = b'HTTP/1.1 200 OK\r\nETag: "1"\r\nContent-Length: 6\r\n\r\nabc'
    rest = Reply(206, {"ETag": '"1"', "Content-Range": "bytes 3-5/6"}, b"def")
    async with FaultServer.run() as server:
        server.on.get("/x").sequence(fault.raw(cut), rest)
        arguments = ("download", f"{server.base_url}/x", str(path))

        assert await run(*arguments, "--no-retry") == 3
        assert "What has arrived is in" in capsys.readouterr().err
        assert await run(*arguments) == 0

        assert server.calls[-1].request.headers["range"] == "bytes=3-"
    assert path.read_bytes() == b"abcdef"
    assert capsys.readouterr().err == "6 bytes, 3 of them from before.\n"


async def test_a_download_shows_a_bar_on_a_terminal(tmp_path: Path) -> None:
    async with FaultServer.run() as server:
        server.on.get("/x").respond(body=b"x" * 2048)

        code, shown = await on_a_terminal(
            "download", f"{server.base_url}/x", str(tmp_path), "-v"
        )

    assert code == 0
    assert "2.0/2.0 KiB" in shown
    assert "2048 bytes." in shown
    assert "policies" in shown


# --- How it ends


async def test_each_class_of_failure_has_its_exit_code() -> None:
    async with FaultServer.run() as server:
        server.on.get("/loop").respond(302, headers={"Location": "/loop"})
        server.on.get("/hang").fail(fault.hang())
        server.on.get("/large").respond(body=b"x" * 10)
        server.on.get("/500").respond(500)
        server.on.get("/events").respond(text="no events")
        url = server.base_url

        codes = [
            await run("get", f"{url}/500", "--no-retry"),
            await run("get", "nowhere"),
            await run("get", "http://nowhere.invalid/", "--no-proxy"),
            await run("get", f"{url}/hang", "--timeout", "0.05"),
            await run("get", f"{url}/loop"),
            await run("get", f"{url}/large", "--max-bytes", "9"),
            await run("stream", f"{url}/events", "--events"),
        ]

    assert codes == [1, 2, 3, 4, 5, 6, 7]


async def test_a_redirect_that_is_not_to_be_followed_is_fine(
    capsys: pytest.CaptureFixture[str],
) -> None:
    async with FaultServer.run() as server:
        server.on.get("/x").respond(302, headers={"Location": "/y"})

        assert await run("get", f"{server.base_url}/x", "--no-follow", "-i") == 0

    assert "Location: /y" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["--json", "{x"], "The text is not JSON: Expecting property name"),
        (["--json", "[NaN]"], "The text is not JSON: it has no NaN."),
        (["--bearer-env", "NO_TEXT"], "The environment variable 'NO_TEXT' holds no text."),
        (["--json", "1", "--data", "2"], "A request has one body; --json and --data are given."),
        (["--data", "1", "--form", "a=1"], "--data and --form or --file are given."),
        (["--bearer-env", "NO_SUCH"], "The environment variable 'NO_SUCH' is not set, or empty."),
        (["--password-env", "NO_SUCH"], "--password-env is of no use without --auth USER."),
        (["--auth", "a:b", "--password-env", "A"], "Give the password with --auth or --password-env."),
        (["--ca-file", "/no/such"], "`tls.ca_file` '/no/such' cannot be read"),
        (["--proxy", "nowhere"], "The URL has no scheme."),
    ],
)  # fmt: skip
async def test_arguments_that_cannot_be_used_are_explained(
    given: list[str],
    message: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("NO_TEXT", "\udcff")
    assert await run("post", "http://127.0.0.1:9/", *given) == 2

    out, err = capsys.readouterr()
    assert out == ""
    assert message in err


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["-H", "X"], "-H/--header: Write it as 'Name: value'."),
        (["-q", "=x"], "-q/--query: Write it as name=value."),
        (["-q", "x=\udcff"], "-q/--query: It holds bytes that are no text"),
        (["--file", "f=path"], "--file: Write it as name=@path;"),
        (["--timeout", "0"], "--timeout: '0' is no positive number of seconds."),
        (["--timeout", "soon"], "--timeout: 'soon' is no positive number of seconds."),
        (["--timeout", "nan"], "--timeout: 'nan' is no positive number of seconds."),
        (["--max-bytes", "-1"], "--max-bytes: '-1' is no number of bytes."),
        (["--proxy", "x", "--no-proxy"], "not allowed with argument"),
        (["--insecure"], "'post' has no option --insecure. See"),
        (["--head", "X: y"], "'post' has no option --head. See"),
    ],
)
async def test_arguments_that_are_misspelt_end_with_2(
    given: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        await run("post", "http://127.0.0.1:9/", *given)

    assert end.value.code == 2
    usage, *_, error = capsys.readouterr().err.splitlines()
    assert usage.startswith("usage: python -m lexigram.http")
    assert message in error


def test_without_rich_the_way_to_get_it_is_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "rich", None)

    assert main(["get", "http://127.0.0.1:9/"]) == 2

    assert capsys.readouterr() == (
        "",
        'The command needs `rich`. Install it: pip install "lexigram-http[cli]".\n',
    )


@pytest.mark.parametrize(
    "command", ["", "get", "request", "download", "stream", "explain"]
)
def test_every_command_has_a_help_text(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        main([*filter(None, [command]), "--help"])

    assert end.value.code == 0
    assert capsys.readouterr().out.startswith("usage: python -m lexigram.http")


def test_every_exit_code_has_a_meaning_in_the_help_and_in_the_guide(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])

    shown = capsys.readouterr().out
    guide = GUIDE.read_text()
    assert set(MEANINGS) == set(ExitCode)
    for code, meaning in MEANINGS.items():
        assert f"  {code:3}  {meaning}\n" in shown
        assert f"| {code.value} | {meaning[0].upper()}{meaning[1:]} |\n" in guide


# --- Processes of their own


async def test_an_interrupt_ends_with_130_and_without_a_traceback() -> None:
    async with FaultServer.run() as server:
        server.on.get("/x").fail(fault.hang())
        process = await begin("get", f"{server.base_url}/x")
        await server.calls.wait_for(1)

        process.send_signal(signal.SIGINT)
        out, err = await process.communicate()

    assert (process.returncode, out, err) == (130, b"", b"")


async def test_an_interrupt_ends_a_body_that_waits_for_its_writer() -> None:
    async with FaultServer.run() as server:
        server.on.post("/x").respond(204).optional()
        process = await begin(
            "post", f"{server.base_url}/x", "--data", "-", "-v",
            stdin=asyncio.subprocess.PIPE,
        )  # fmt: skip
        assert process.stderr is not None
        while b"started" not in await process.stderr.readline():
            pass

        process.send_signal(signal.SIGINT)
        await process.wait()

        assert process.returncode == 130
        assert b"Traceback" not in await process.stderr.read()


@pytest.mark.parametrize("command", ["get", "stream"])
async def test_a_reader_that_goes_away_ends_it_quietly(command: str) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    async with FaultServer.run() as server:
        server.on.get("/x").respond(
            body=b"data: x\n\n" * 1000, headers={"Content-Type": "text/event-stream"}
        )
        process = await begin(command, f"{server.base_url}/x", stdout=writing)
        os.close(writing)
        _, err = await process.communicate()

    assert (process.returncode, err) == (141, b"")


@pytest.mark.skipif(not FULL.exists(), reason="The device is Linux's.")
async def test_a_full_disk_behind_standard_output_is_said_once() -> None:
    async with FaultServer.run() as server:
        server.on.get("/x").respond(body=b"x" * 10)
        with FULL.open("wb") as full:  # noqa: ASYNC230 - does not wait
            process = await begin("get", f"{server.base_url}/x", stdout=full.fileno())
            _, err = await process.communicate()

    assert process.returncode == 9
    assert err == b"The output cannot be written: No space left on device.\n"


async def on_a_terminal(*arguments: str, typed: bytes = b"") -> tuple[int | None, str]:
    """Run the command on a terminal of its own; return its exit code and the screen."""
    ours, theirs = pty.openpty()

    def become_its_terminal() -> None:
        os.setsid()
        fcntl.ioctl(theirs, termios.TIOCSCTTY, 0)

    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "lexigram.http", *arguments,
        stdin=theirs, stdout=theirs, stderr=theirs,
        preexec_fn=become_its_terminal,
    )  # fmt: skip
    os.close(theirs)
    shown = b""
    while True:
        try:
            chunk = await asyncio.to_thread(os.read, ours, 65536)
        except OSError:  # nobody has it open any more
            break
        shown += chunk
        if typed and b": " in shown:
            os.write(ours, typed)
            typed = b""
    os.close(ours)
    return await process.wait(), shown.decode()


async def test_on_a_real_terminal_json_is_coloured() -> None:
    async with FaultServer.run() as server:
        server.on.get("/x").respond(json={"a": 1})

        code, shown = await on_a_terminal("get", f"{server.base_url}/x")

    assert code == 0
    assert shown.count("\r\n") == 3


@pytest.mark.parametrize(
    ("name", "code", "message"),
    [
        ("stdin", 2, "Standard input, which is to be the body, is closed.\n"),
        ("stdout", 9, "Standard output is closed.\n"),
        ("stderr", 0, ""),
    ],
)
async def test_standard_streams_may_be_closed(
    name: str,
    code: int,
    message: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    async with FaultServer.run() as server:
        server.on.put("/x").respond(204).optional()
        monkeypatch.setattr(sys, name, None)  # as Python has it then
        body = "-" if name == "stdin" else "x"

        assert await run("put", f"{server.base_url}/x", "-v", "--data", body) == code

    assert capsys.readouterr().err.endswith(message)


# --- Laying out

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(value=VALUES, ascii_only=st.booleans(), indent=st.sampled_from([None, 0, 4]))
def test_json_that_is_laid_out_is_the_same_json(
    *, value: object, ascii_only: bool, indent: int | None
) -> None:
    text = json.dumps(value, ensure_ascii=ascii_only, indent=indent)

    pretty = laid_out(text)

    assert pretty is not None
    assert json.loads(pretty) == value


@given(VALUES)
def test_json_is_laid_out_as_python_does(value: object) -> None:
    text = json.dumps(value, ensure_ascii=False)

    assert laid_out(text) == json.dumps(value, ensure_ascii=False, indent=2)


@pytest.mark.parametrize("text", ["", "{", "[1,]", "nul", "[" * 100_000])
def test_what_is_no_json_is_not_laid_out(text: str) -> None:
    assert laid_out(text) is None


@given(st.text())
def test_no_control_character_becomes_visible_as_itself(text: str) -> None:
    shown = visible(text)

    assert not [
        one
        for one in shown
        if not one.isprintable() and ord(one) < 32 and one not in "\t\n"
    ]
    assert "\x1b" not in shown
    assert "\x9b" not in shown
