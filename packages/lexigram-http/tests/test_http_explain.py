"""What a client says that a call would do."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest

from lexigram.contracts.resilience import Call
from lexigram.contracts.web import (
    HTTPBlockedError,
    HTTPInvalidRequestError,
    HTTPUnknownOptionError,
    InterceptorProtocol,
    Timeouts,
)
from lexigram.http import (
    BaseURLHTTPClient,
    BasicAuth,
    BearerAuth,
    ConnectionPoolConfig,
    CorrelationId,
    HTTPClient,
    HTTPClientConfig,
    TLSConfig,
)
from lexigram.http.egress.config import EgressConfig
from lexigram.http.explaining import CallPlan
from lexigram.http.relative import RelativeHTTPClient
from lexigram.testing import FakeHTTPClient, FaultServer

T = TypeVar("T")

ALONE = HTTPClientConfig(trust_env=False)
URL = "http://api.test/v1"


class Once:
    """Sends everything once."""

    async def execute(
        self, operation: Callable[[], Awaitable[T]], call: Call[T] | None = None
    ) -> T:
        return await operation()

    def __repr__(self) -> str:
        return "<Once>"


class Described(Once):
    def describe(self) -> str:
        return "once\nand that is all"


class Speechless(Once):
    def describe(self) -> str:
        return ""


class Breaker:
    async def call(
        self, operation: Callable[[], Awaitable[T]], call: Call[T] | None = None
    ) -> T:
        return await operation()

    def __repr__(self) -> str:
        return "<Breaker>"


def rows(plan: CallPlan) -> dict[str, str]:
    """Return the table of a plan by the names of its rows."""
    lines = [line.strip() for line in str(plan).splitlines()[1:]]
    return {name: text for name, _, text in (line.partition("  ") for line in lines)}


# -- the whole --------------------------------------------------------------------------


async def test_a_plan_is_a_table() -> None:
    config = HTTPClientConfig(trust_env=False, pool=ConnectionPoolConfig(timeout=20))
    async with HTTPClient(config) as client:
        plan = client.explain("get", "https://me:pw@api.test/v1?key=s3cret", timeout=5)
    assert str(plan).splitlines() == [
        "GET https://***@api.test/v1?key=***",
        "  total              5 s, by the option `timeout`",
        "  attempt            no limit, by default",
        "  pool               no limit, by default",
        "  connect            10 s, by default",
        "  read               no limit, by default",
        (
            "  policies           built in: 3 attempts, waits of up to 0.1 s and twice "
            "that, Retry-After up to 60 s"
        ),
        "  repeatable         yes",
        "  redirects          up to 10",
        "  proxy              none",
        "  TLS                as `tls` says",
        "  egress             any",
        "  around the call    nothing",
        "  around an attempt  nothing",
        "  body               up to 33554432 bytes, of an error up to 65536 bytes",
        "  cookies            kept",
        "  pool now           0 in use, 0 idle, 0 waiting, 0 opened, 0 reused",
        "  client             started",
    ]


async def test_explaining_sends_and_opens_nothing() -> None:
    async with FaultServer.run() as server, HTTPClient(ALONE) as client:
        client.explain("POST", f"{server.base_url}/v1", json={"id": 1})
        assert client.statistics().opened == 0
        assert len(server.calls) == 0


async def test_the_pool_is_shown_as_it_is_now() -> None:
    async with FaultServer.run() as server, HTTPClient(ALONE) as client:
        server.on.get("/v1").respond(200)
        await client.get(f"{server.base_url}/v1")
        plan = client.explain("GET", f"{server.base_url}/v1")
    assert (plan.pool.idle, plan.pool.opened) == (1, 1)


async def test_a_client_explains_before_its_start_and_after_its_stop() -> None:
    client = HTTPClient(ALONE)
    assert not client.explain("GET", URL).started
    async with client:
        assert client.explain("GET", URL).started
    plan = client.explain("GET", URL)
    assert rows(plan)["client"].strip().startswith("not started; it reads the")


# -- limits -----------------------------------------------------------------------------


def test_each_limit_of_time_says_where_it_is_from() -> None:
    pool = ConnectionPoolConfig(attempt_timeout=5, read_timeout=None)
    client = HTTPClient(HTTPClientConfig(pool=pool))
    plan = client.explain("GET", URL, timeout=Timeouts(connect=2, pool=None))
    assert [(t.name, t.seconds, t.source) for t in plan.timeouts] == [
        ("total", 30, "default"),
        ("attempt", 5, "configuration"),
        ("pool", None, "option"),
        ("connect", 2, "option"),
        ("read", None, "configuration"),
    ]


def test_a_call_may_have_no_limit_of_time() -> None:
    total = HTTPClient().explain("GET", URL, timeout=None).timeouts[0]
    assert (total.seconds, total.source) == (None, "option")


def test_bodies_redirects_and_cookies_are_as_configured_or_as_the_call_says() -> None:
    config = HTTPClientConfig(max_response_bytes=None, max_redirects=3)
    client = HTTPClient(config.model_copy(update={"cookie_jar": False}))
    plan = client.explain("GET", URL)
    assert (plan.limits.response, plan.redirects, plan.cookies) == (None, 3, False)
    assert rows(plan)["body"].strip() == "of any size, of an error up to 65536 bytes"
    plan = client.explain("GET", URL, max_response_bytes=7, follow_redirects=False)
    assert (plan.limits.response, plan.redirects) == (7, None)
    assert rows(plan)["redirects"].strip() == "not followed"
    assert rows(plan)["cookies"].strip() == "not kept"


# -- retry ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "options", "why"),
    [
        ("GET", {}, ""),
        ("POST", {}, "POST without an idempotency key"),
        ("POST", {"idempotency_key": "k"}, ""),
        ("GET", {"retry": False}, "`retry=False` forbids it"),
    ],
)
def test_whether_a_call_is_repeated_is_said_with_the_reason(
    method: str, options: Any, why: str
) -> None:
    plan = HTTPClient().explain(method, URL, **options)
    assert (plan.repeatable, plan.why_not_repeatable) == (not why, why)
    assert rows(plan)["repeatable"].strip() == (f"no: {why}" if why else "yes")


@pytest.mark.parametrize(
    ("wiring", "text"),
    [
        ({"retry_policy": Once()}, "<Once>"),
        ({"resilience": Once(), "retry_policy": Described()}, "<Once>"),
        ({"resilience": Described()}, "once\nand that is all"),
        ({"resilience": Speechless()}, ""),
        (
            {"retry_policy": Once(), "circuit_breaker": Breaker()},
            "<Once>\naround each attempt: <Breaker>",
        ),
    ],
)
def test_policies_describe_themselves_or_are_shown(wiring: Any, text: str) -> None:
    plan = HTTPClient(**wiring).explain("GET", URL)
    assert plan.policies == text
    for line in text.splitlines():
        assert line in str(plan)


# -- the way ----------------------------------------------------------------------------


def test_a_proxy_says_what_decides_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://me:pw@proxy.test:3128")
    monkeypatch.setenv("NO_PROXY", "inner.test")
    client = HTTPClient()
    plan = client.explain("GET", URL)
    assert (plan.proxy, plan.proxy_reason) == ("http://proxy.test:3128", "HTTP_PROXY")
    assert "pw" not in repr(plan) + str(plan)
    assert rows(plan)["proxy"].strip() == "http://proxy.test:3128, by HTTP_PROXY"
    plan = client.explain("GET", "http://inner.test")
    assert (plan.proxy, plan.proxy_reason) == (None, "NO_PROXY")
    assert rows(plan)["proxy"].strip() == "none, by NO_PROXY"
    plan = client.explain("GET", URL, proxy="http://me:pw@other.test")
    assert (plan.proxy, plan.proxy_reason) == ("http://other.test", "option")
    plan = client.explain("GET", URL, proxy=None)
    assert rows(plan)["proxy"].strip() == "none, by the option `proxy`"


async def test_a_started_client_goes_by_the_environment_of_its_start(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("HTTP_PROXY", raising=False)
    async with HTTPClient() as client:
        monkeypatch.setenv("HTTP_PROXY", "http://proxy.test:3128")
        assert client.explain("GET", URL).proxy is None


def test_a_configured_proxy_is_one_and_a_broken_one_is_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    config = HTTPClientConfig.model_validate({"proxy": "http://me:pw@proxy.test"})
    plan = HTTPClient(config).explain("GET", URL)
    assert (plan.proxy, plan.proxy_reason) == ("http://proxy.test", "configuration")
    monkeypatch.setenv("HTTP_PROXY", "socks5://proxy.test")
    plan = HTTPClient().explain("GET", URL)
    assert "SOCKS" in plan.proxy_problem
    assert rows(plan)["proxy"].strip().startswith("the call fails: HTTP_PROXY")


def test_tls_is_the_clients_own_or_the_policy_that_the_call_names() -> None:
    config = HTTPClientConfig(tls_policies={"partner": TLSConfig()})
    client = HTTPClient(config)
    named = client.explain("GET", "https://api.test", tls="partner")
    assert named.tls == "partner"
    assert rows(named)["TLS"].strip() == "as `tls_policies` says of 'partner'"
    own = client.explain("GET", "https://api.test")
    assert own.tls is None
    assert rows(own)["TLS"].strip() == "as `tls` says"
    assert rows(client.explain("GET", URL))["TLS"].strip() == "not for http"


def test_a_unix_socket_is_shown() -> None:
    client = HTTPClient.over_unix_socket("/run/api.sock")
    plan = client.explain("GET", "http://localhost/v1")
    assert plan.unix_socket == Path("/run/api.sock")
    assert rows(plan)["Unix socket"].strip() == "/run/api.sock"


class Watch(InterceptorProtocol):
    """Sees everything."""


def test_interceptors_are_named_in_order_by_scope() -> None:
    bearer = BearerAuth("t", origin="http://api.test")
    client = HTTPClient(interceptors=[CorrelationId(), bearer, Watch()])
    plan = client.explain("GET", URL)
    assert plan.around_call == ("CorrelationId", "Watch")
    assert plan.around_attempt == ("BearerAuth",)
    own = BasicAuth("u", "p", origin="http://api.test")
    with_auth = client.explain("GET", URL, auth=own)
    assert with_auth.around_attempt == ("BearerAuth", "BasicAuth")
    assert with_auth.around_call == plan.around_call


# -- mistakes ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "options", "error"),
    [
        ("api.test", {}, HTTPInvalidRequestError),
        (URL, {"timeut": 3}, HTTPUnknownOptionError),
        (URL, {"timeout": -1}, HTTPInvalidRequestError),
        (URL, {"tls": "parner"}, HTTPInvalidRequestError),
    ],
)
async def test_a_mistake_is_refused_as_by_the_call(
    url: str, options: Any, error: type[Exception]
) -> None:
    config = HTTPClientConfig(tls_policies={"partner": TLSConfig()})
    async with HTTPClient(config) as client:
        with pytest.raises(error) as of_call:
            await client.request("GET", url, **options)
        with pytest.raises(error) as of_plan:
            client.explain("GET", url, **options)
    assert str(of_plan.value) == str(of_call.value)


def test_a_proxy_around_the_egress_limit_is_refused() -> None:
    client = HTTPClient(HTTPClientConfig(egress=EgressConfig(addresses="loopback")))
    assert client.explain("GET", URL).egress.summary == "loopback"
    with pytest.raises(HTTPBlockedError):
        client.explain("GET", URL, proxy="http://proxy.test")


# -- base URLs --------------------------------------------------------------------------


def test_a_relative_client_explains_paths() -> None:
    client = RelativeHTTPClient(base_url="https://api.test/v1")
    assert client.explain("GET", "/bills").url == "https://api.test/v1/bills"
    with pytest.raises(HTTPInvalidRequestError, match="leads out"):
        client.explain("GET", "//evil.test")


def test_a_base_url_client_explains_with_what_it_adds() -> None:
    client = BaseURLHTTPClient("https://api.test/v1", timeout=7)
    plan = client.explain("GET", "bills")
    assert plan.url == "https://api.test/v1/bills"
    assert (plan.timeouts[0].seconds, plan.timeouts[0].source) == (7, "option")


def test_a_base_url_client_over_a_fake_cannot_explain() -> None:
    client = BaseURLHTTPClient("https://api.test/v1", client=FakeHTTPClient())
    with pytest.raises(TypeError, match="only an `HTTPClient` can"):
        client.explain("GET", "bills")
