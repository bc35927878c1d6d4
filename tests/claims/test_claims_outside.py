"""The claims about what a client shows, and about what it goes through and keeps."""

import logging

import pytest

from lexigram.http import HTTPClient, HTTPClientConfig
from lexigram.testing import FaultServer, InMemoryMetrics, Reply, fault

SECRETS = ("partner-user", "hunter2")


@pytest.mark.parametrize(
    ("outcome", "status", "limit"),
    [
        (Reply(200), "200", 10.0),
        (Reply(404), "404", 10.0),
        (fault.close(), "connection_error", 10.0),
        (fault.hang(), "timeout", 0.2),
    ],
    ids=["ok", "missing", "closed", "hangs"],
)
async def test_c26_duration_and_status_are_recorded_once_for_each_request(
    outcome: object, status: str, limit: float
) -> None:
    metrics = InMemoryMetrics()
    async with FaultServer.run() as server, HTTPClient(metrics=metrics) as client:
        server.on.get("/v1").sequence(outcome, then="repeat_last")
        await client.get(f"{server.base_url}/v1", timeout=limit)
    assert metrics.names() == ["http.request.duration", "http.request.status"]
    (seconds,) = metrics.observations("http.request.duration", method="GET")
    assert 0 < seconds < 10
    assert metrics.value("http.request.status", method="GET", status=status) == 1
    assert metrics.value("http.request.status") == 1


@pytest.mark.parametrize("said", ["configuration", "environment"])
async def test_c30_the_proxy_is_used_and_its_credentials_are_its_own(
    said: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    caplog.set_level(logging.DEBUG)
    async with FaultServer.run() as proxy:
        proxy.on.get("http://upstream.test/v1").sequence(Reply(200), Reply(500))
        url = proxy.base_url.replace("//", "//{}:{}@".format(*SECRETS))
        if said == "configuration":
            config = HTTPClientConfig(proxy=url)
        else:
            monkeypatch.setenv("http_proxy", url)
            config = HTTPClientConfig(trust_env=True)
        async with HTTPClient(config) as client:
            first = await client.get("http://upstream.test/v1")
            second = await client.get("http://upstream.test/v1", retry=False)
        sent = [call.request.header("proxy-authorization") for call in proxy.calls]
    assert first.is_ok()
    assert sent == ["Basic cGFydG5lci11c2VyOmh1bnRlcjI="] * 2
    shown = caplog.text + repr(config) + repr(client) + str(second.unwrap_err())
    assert not [secret for secret in SECRETS if secret in shown]


async def test_c30_the_environment_is_left_alone_when_it_is_not_trusted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("http_proxy", "http://nowhere.test:1")
    config = HTTPClientConfig(trust_env=False)
    async with FaultServer.run() as server, HTTPClient(config) as client:
        server.on.get("/v1").respond(200)
        assert (await client.get(f"{server.base_url}/v1")).is_ok()


@pytest.mark.parametrize(("jar", "kept"), [(True, "session=abc"), (False, None)])
async def test_c31_cookies_are_kept_within_the_session_only_or_not_at_all(
    *, jar: bool, kept: str | None
) -> None:
    config = HTTPClientConfig(cookie_jar=jar)
    # Of a host by its name: cookies are not kept for addresses.
    async with FaultServer.run() as server:
        base_url = server.base_url.replace("127.0.0.1", "localhost")
        server.on.get("/login").respond(200, headers={"Set-Cookie": "session=abc"})
        server.on.get("/v1").respond(200)
        client = HTTPClient(config)
        async with client, HTTPClient(config) as another:
            await client.get(f"{base_url}/login")
            await client.get(f"{base_url}/v1")
            await another.get(f"{base_url}/v1")
        async with client:  # a session of its own
            await client.get(f"{base_url}/v1")
        sent = [call.request.header("cookie") for call in server.calls.to("GET", "/v1")]
    assert sent == [kept, None, None]
