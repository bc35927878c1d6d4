"""Proxies, cookies, configuration and the module."""

import inspect
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from pydantic import ValidationError

from lexigram.contracts.web import (
    HTTPClientProtocol,
    HTTPConnectionError,
    HTTPDecodeError,
    HttpResponse,
)
from lexigram.http import (
    ConnectionPoolConfig,
    HTTPClient,
    HTTPClientConfig,
    HTTPModule,
    TLSConfig,
    json_as,
)
from lexigram.testing import FaultServer

PROXY_VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY")


@pytest.fixture
def env(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """An environment without proxies, to set them in."""
    for name in PROXY_VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    return monkeypatch


async def test_a_configured_proxy_gets_the_request_and_its_own_credentials(
    env: pytest.MonkeyPatch,
) -> None:
    async with FaultServer.run() as proxy:
        proxy.on.get("http://partner.test/v1").respond(200, text="through")
        config = HTTPClientConfig(proxy=proxy.base_url.replace("//", "//u:pw@"))
        async with HTTPClient(config) as client:
            response = (await client.get("http://partner.test/v1")).unwrap()
        assert response.text == "through"
        headers = proxy.calls.one().request.headers
    assert headers["proxy-authorization"] == "Basic dTpwdw=="
    assert headers["host"] == "partner.test"


async def test_the_environment_s_proxy_is_used_and_no_proxy_respected(
    env: pytest.MonkeyPatch,
) -> None:
    async with FaultServer.run() as proxy, FaultServer.run() as direct:
        env.setenv("HTTP_PROXY", proxy.base_url)
        env.setenv("NO_PROXY", "127.0.0.1")
        proxy.on.get("http://partner.test/v1").respond(200)
        direct.on.get("/v1").respond(200)
        async with HTTPClient() as client:
            assert await client.get("http://partner.test/v1")
            assert await client.get(f"{direct.base_url}/v1")
        assert len(proxy.calls) == len(direct.calls) == 1


async def test_trust_env_off_ignores_the_environment(env: pytest.MonkeyPatch) -> None:
    async with FaultServer.run() as direct:
        env.setenv("HTTP_PROXY", "http://127.0.0.1:9")
        direct.on.get("/v1").respond(200)
        async with HTTPClient(HTTPClientConfig(trust_env=False)) as client:
            assert await client.get(f"{direct.base_url}/v1")


async def test_a_proxy_that_cannot_be_reached_is_named_as_the_failure(
    env: pytest.MonkeyPatch,
) -> None:
    async with FaultServer.run() as proxy:
        await proxy.down()
        config = HTTPClientConfig(proxy=proxy.base_url.replace("//", "//u:s3cret@"))
        async with HTTPClient(config) as client:
            error = (await client.get("http://partner.test/", retry=False)).unwrap_err()
    assert isinstance(error, HTTPConnectionError)
    assert error.failure == "proxy"
    assert "s3cret" not in str(error)


@pytest.mark.parametrize("kept", [True, False])
async def test_cookies_are_kept_within_the_session_only_when_asked(
    *, kept: bool
) -> None:
    async with FaultServer.run() as server:
        # Cookies of an IP address are not kept (RFC 6265 §5.1.3), hence the name.
        url = f"http://localhost:{server.port}/v1"
        server.on.get("/v1").respond(200, headers={"Set-Cookie": "a=1; Path=/"})
        config = HTTPClientConfig(cookie_jar=kept)
        for _ in range(2):
            async with HTTPClient(config) as client:
                await client.get(url)
                await client.get(url)
        sent = [call.request.headers.get("cookie") for call in server.calls]
    assert sent == [None, "a=1" if kept else None] * 2


def test_the_defaults_are_the_documented_ones() -> None:
    pool = ConnectionPoolConfig()
    assert pool.max_connections == 10
    assert pool.max_keepalive_connections == 5
    assert pool.max_connections_per_host == 10
    assert pool.timeout == 30
    assert pool.ttl_dns_cache == 300
    assert pool.force_close is False


@pytest.mark.parametrize(
    ("model", "values", "message"),
    [
        (
            HTTPClientConfig,
            {"trust_envv": True},
            "no option 'trust_envv'. Did you mean 'trust_env'",
        ),
        (ConnectionPoolConfig, {"max_connection": 1}, "Did you mean 'max_connections'"),
        (
            HTTPClientConfig,
            {"timeout": 5.0},
            r"'pool' has\. Write pool=ConnectionPoolConfig\(timeout=\.\.\.\)\.",
        ),
    ],
)
def test_an_unknown_option_in_python_is_named_with_the_nearest(
    model: type, values: dict[str, object], message: str
) -> None:
    with pytest.raises(TypeError, match=message):
        model(**values)


@pytest.mark.parametrize("given", [{"proxy": "http://u:s3cret@proxy:1"}, {}, "s3cret"])
@pytest.mark.parametrize(
    "make", [HTTPClient, partial(HTTPClient.over_unix_socket, "api.sock")]
)
def test_what_is_no_configuration_is_refused_with_the_way_to_one(
    make: Callable[..., HTTPClient], given: object
) -> None:
    with pytest.raises(TypeError, match="takes HTTPClientConfig") as caught:
        make(given)
    assert f"not a {type(given).__name__}" in str(caught.value)
    assert "HTTPClientConfig.model_validate(" in str(caught.value)
    assert "s3cret" not in str(caught.value)


def test_a_dictionary_is_made_a_configuration_by_what_the_message_says() -> None:
    config = HTTPClientConfig.model_validate({"pool": {"max_connections": 3}})
    assert HTTPClient(config).config.pool.max_connections == 3


def test_values_are_kept_in_one_form_whatever_they_were_given_in() -> None:
    listed = HTTPClientConfig(
        retry_statuses=[503], tls=TLSConfig(ca_file="ca.pem", pins=["AB" * 32])
    )
    assert listed == HTTPClientConfig(
        retry_statuses=frozenset({503}),
        tls=TLSConfig(ca_file=Path("ca.pem"), pins=("ab" * 32,)),
    )
    assert (type(listed.retry_statuses), type(listed.tls.pins)) == (frozenset, tuple)


@pytest.mark.parametrize(
    "values",
    [
        {"pool": {"max_connections": -5}},
        {"pool": {"max_connections": 0}},
        {"pool": {"timeout": 0}},
        {"pool": {"max_keepalive_connections": -1}},
        {"max_redirects": -1},
        {"proxy": "proxy:8080"},
        {"infrastructure_errors": "ignore"},
    ],
)
def test_a_value_out_of_bounds_is_refused(values: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        HTTPClientConfig.model_validate(values)


def test_the_password_of_a_proxy_shows_nowhere() -> None:
    config = HTTPClientConfig(proxy="http://u:s3cret@proxy:1")
    assert "s3cret" not in repr(config) + str(config) + str(config.model_dump())
    assert "s3cret" not in config.model_dump_json()
    with pytest.raises(ValidationError) as caught:
        HTTPClientConfig(proxy="socks5://u:s3cret@proxy:1")
    assert "s3cret" not in str(caught.value)


def test_configure_takes_its_configuration_either_way() -> None:
    config = HTTPClientConfig(trust_env=False)
    for module in (HTTPModule.configure(config), HTTPModule.configure(config=config)):
        assert module.config is not None
        assert module.config.explicit is config
        assert module.config.name == "http"
        assert HTTPClientProtocol in module.exports
        assert module.origin.startswith(__file__)


def test_a_stub_reads_no_configuration() -> None:
    assert HTTPModule.stub().config is None


def test_session_context_takes_what_the_constructor_takes() -> None:
    made = inspect.signature(HTTPClient.session_context).parameters
    constructed = inspect.signature(HTTPClient).parameters
    assert list(made) == list(constructed)


def test_json_as_decodes_into_any_type_and_says_where_it_differs() -> None:
    decoder = json_as(dict[str, int])
    assert HttpResponse(200, json={"a": 1}).decode(decoder) == {"a": 1}
    with pytest.raises(HTTPDecodeError) as caught:
        HttpResponse(200, json={"a": "x"}).decode(decoder)
    assert isinstance(caught.value.__cause__, ValidationError)
