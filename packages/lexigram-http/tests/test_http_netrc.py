"""A netrc file: read when asked, an entry for its host alone, nothing of it shown."""

import asyncio
import os
import threading
import unicodedata
from base64 import b64decode
from netrc import netrc
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lexigram.contracts.web import HTTPClientError, RequestContext
from lexigram.http import HTTPClient, HTTPClientConfig
from lexigram.http.interceptors import netrc as module
from lexigram.http.interceptors.netrc import NetrcAuth, NetrcError
from lexigram.testing import FakeHTTPClient, FaultServer
from lexigram.testing.conformance import other_origin

HERE = "machine fake.test login me password s3cret\n"


def written(folder: Path, text: str | bytes) -> Path:
    path = folder / "netrc"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


async def sent(auth: NetrcAuth, url: str = "https://fake.test/v1", **more: Any) -> str:
    """Return what the interceptor adds to a request, decoded; "" for nothing."""
    request = await auth.intercept_request(RequestContext("GET", url, **more))
    value = request.headers.get("authorization", "")
    return b64decode(value.removeprefix("Basic ")).decode()


async def problem(auth: NetrcAuth) -> str:
    async with FakeHTTPClient(interceptors=[auth]) as fake:
        fake.on.get("/v1").respond().optional()
        error: HTTPClientError = (await fake.get("/v1")).unwrap_err()
        assert isinstance(error, NetrcError)
        assert (error.request_sent, error.retryable, error.attempts) == ("no", False, 0)
        assert error.__cause__ is None
        assert "s3cret" not in f"{error!r} {error.__context__} {auth!r}"
        return str(error)


async def test_nobody_reads_the_file_who_was_not_asked_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "machine 127.0.0.1 login me password s3cret\ndefault login me password pw"
    monkeypatch.setenv("NETRC", str(written(tmp_path, text)))
    async with FaultServer.run() as server, HTTPClient() as client:
        server.on.get("/v1").respond()
        await client.get(f"{server.base_url}/v1")
        assert "authorization" not in server.calls.one().request.headers


async def test_each_hop_gets_the_entry_of_its_own_host(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        "machine 127.0.0.1 login first password one\n"
        "machine localhost login second password two\n",
    )
    config = HTTPClientConfig(trust_env=False)
    async with (
        FaultServer.run() as server,
        HTTPClient(config, interceptors=[NetrcAuth(path)]) as client,
    ):
        away = f"http://localhost:{server.port}/away"
        server.on.get("/old").respond(302, headers={"Location": "/new"})
        server.on.get("/new").respond(302, headers={"Location": away})
        server.on.get("/away").respond()
        assert await client.get(f"{server.base_url}/old")
        values = [call.request.headers["authorization"] for call in server.calls]
    decoded = [b64decode(value.removeprefix("Basic ")).decode() for value in values]
    assert decoded == ["first:one", "first:one", "second:two"]


async def test_a_redirect_to_a_host_without_an_entry_takes_none_along(
    tmp_path: Path,
) -> None:
    auth = NetrcAuth(written(tmp_path, HERE))
    async with FakeHTTPClient(interceptors=[auth]) as fake:
        away = f"{other_origin(fake)}/away"
        fake.on.get("/v1").respond(302, headers={"Location": away})
        fake.on.get("/away").respond()
        assert await fake.get("/v1")
        sent_to = ["authorization" in call.request.headers for call in fake.calls]
    assert sent_to == [True, False]


async def test_a_host_is_the_whole_name_and_the_default_is_asked_for(
    tmp_path: Path,
) -> None:
    text = f"{HERE}machine Upper.Test login a password b\ndefault login d password e\n"
    path = written(tmp_path, text)
    auth, any_host = NetrcAuth(path), NetrcAuth(path, default=True)
    assert await sent(auth) == "me:s3cret"
    assert await sent(auth, "http://FAKE.test:8080/") == "me:s3cret"
    assert await sent(auth, "http://upper.test/") == "a:b"
    for url in ("https://x.fake.test/", "https://test/", "https://default/"):
        assert await sent(auth, url) == ""
        assert await sent(any_host, url) == "d:e"


async def test_what_a_request_has_already_stays(tmp_path: Path) -> None:
    auth = NetrcAuth(str(written(tmp_path, HERE)))
    async with FakeHTTPClient(interceptors=[auth]) as fake:
        fake.on.get("/v1").respond()
        await fake.get("/v1", headers={"Authorization": "Bearer mine"})
        await fake.get("/v1", auth=("u", "p"))
        await fake.get("/v1", auth=None)
        values = [call.request.header("authorization") for call in fake.calls]
    assert values == ["Bearer mine", "Basic dTpw", None]
    assert await sent(auth, "https://a:b@fake.test/") == ""


async def test_a_machine_without_user_and_password_has_no_entry(tmp_path: Path) -> None:
    auth = NetrcAuth(written(tmp_path, "machine fake.test\nmachine b.test login u\n"))
    assert await sent(auth) == ""
    assert await sent(auth, "https://b.test/") == "u:"


async def test_one_call_can_bring_its_file(tmp_path: Path) -> None:
    async with FakeHTTPClient() as fake:
        fake.on.get("/v1").respond()
        await fake.get("/v1", auth=NetrcAuth(written(tmp_path, HERE)))
        assert fake.calls.one().request.headers["authorization"].startswith("Basic ")


async def test_the_file_is_read_once_and_not_by_the_loop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    readers: list[threading.Thread] = []

    def noted(file: str | None = None) -> netrc:
        readers.append(threading.current_thread())
        return netrc(file)

    monkeypatch.setattr(module, "netrc", noted)
    path = written(tmp_path, HERE)
    auth = NetrcAuth(path)
    assert await asyncio.gather(*(sent(auth) for _ in range(5))) == ["me:s3cret"] * 5
    path.unlink()
    assert await sent(auth) == "me:s3cret"
    (reader,) = readers
    assert reader is not threading.main_thread()


async def test_a_file_without_entries_is_read_once_too(tmp_path: Path) -> None:
    path = written(tmp_path, "# nobody\n")
    auth = NetrcAuth(path)
    assert await sent(auth) == ""
    path.unlink()
    assert await sent(auth) == ""


async def test_a_file_that_was_mended_is_read_again(tmp_path: Path) -> None:
    auth = NetrcAuth(tmp_path / "netrc")
    with pytest.raises(NetrcError):
        await sent(auth)
    written(tmp_path, HERE)
    assert await sent(auth) == "me:s3cret"


async def test_the_environment_names_the_file_or_it_lies_at_home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(written(tmp_path, HERE)))
    assert await sent(NetrcAuth()) == "me:s3cret"
    assert await sent(NetrcAuth("~/netrc")) == "me:s3cret"
    monkeypatch.delenv("NETRC")
    assert repr(str(tmp_path / ".netrc")) in await problem(NetrcAuth())
    usual = (tmp_path / "netrc").rename(tmp_path / ".netrc")
    usual.chmod(0o600)
    assert await sent(NetrcAuth()) == "me:s3cret"
    usual.chmod(0o644)
    assert "chmod 600" in await problem(NetrcAuth())


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (f"{HERE}machine a.test login u password two s3cret\n\n", "line 3"),
        ("machine a.test login u\npassword two s3cret x", "line 2"),
        ("s3cret", "line 1"),
        ("machine", "line 1"),
        (b"machine a.test login \xff password s3cret", "UTF-8"),
    ],
)
async def test_a_file_that_is_not_understood_is_named_with_the_line(
    tmp_path: Path, text: str | bytes, words: str
) -> None:
    path = written(tmp_path, text)
    message = await problem(NetrcAuth(path))
    assert words in message
    assert repr(str(path)) in message


async def test_a_file_that_cannot_be_read_is_named_with_the_reason(
    tmp_path: Path,
) -> None:
    assert "No such file" in await problem(NetrcAuth(tmp_path / "none"))
    assert "directory" in await problem(NetrcAuth(tmp_path))


def test_what_is_shown_of_it_is_the_path(tmp_path: Path) -> None:
    assert repr(NetrcAuth(tmp_path)) == f"<NetrcAuth from {str(tmp_path)!r}>"
    assert repr(NetrcAuth()) == "<NetrcAuth from the usual file>"


WORD = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1)


@given(
    user=WORD.filter(lambda word: ":" not in word and word[0] != "#"),
    password=WORD.filter(lambda word: word[0] != "#"),
)
async def test_a_quoted_word_may_be_anything(
    tmp_path_factory: pytest.TempPathFactory, user: str, password: str
) -> None:
    words = [
        word.replace("\\", "\\\\").replace('"', '\\"') for word in (user, password)
    ]
    text = 'machine fake.test login "{}" password "{}"\n'.format(*words)
    path = written(tmp_path_factory.mktemp("netrc"), text)
    expected = unicodedata.normalize("NFC", f"{user}:{password}")
    assert await sent(NetrcAuth(os.fspath(path))) == expected
