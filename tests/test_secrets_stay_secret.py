"""Planted secrets, and a search of everything that people and machines get to see.

Each secret begins with `c4n4ry`, so that one search finds whichever leaked, and its name
says where it was planted. Bodies, headers and URLs that a program asks for by their names
are data and no sinks; what prints, logs, measures, records or describes them is one.
"""

import asyncio
import io
import json
import logging
import pickle
import re
import traceback
import warnings
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from lexigram import Application
from lexigram.cli._main import main as lexigram
from lexigram.contracts.web import (
    HTTPClientError,
    HttpResponse,
    MutableHeaders,
    RequestContext,
    ResponseContext,
    format_timeline,
)
from lexigram.http import (
    AccessToken,
    BaseURLHTTPClient,
    BasicAuth,
    BearerAuth,
    DefaultHeaders,
    HTTPClient,
    HTTPClientConfig,
    HTTPModule,
    NetrcAuth,
    Timeouts,
    TLSConfig,
    TokenRefresh,
    paginate,
)
from lexigram.http.cli.command import main as http
from lexigram.logging import LoggingConfig
from lexigram.logging._rendering import _formatter
from lexigram.otel import OTelInterceptor, OTelRecorder
from lexigram.testing import (
    Cassette,
    FakeHTTPClient,
    FaultServer,
    InMemoryMetrics,
    RecordingHTTPClient,
    Reply,
    UnmatchedRequest,
    fault,
    virtual_time,
)

CANARY = "c4n4ry"


def secret(place: str) -> str:
    return f"{CANARY}{place}7"


class Records(logging.Handler):
    """Keeps all that a record carries, as three handlers would write it."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.texts: list[str] = []
        kinds = (LoggingConfig(format="json"), LoggingConfig(format="console"))
        self.ours = [_formatter(one) for one in kinds]
        self.plain = logging.Formatter("%(message)s")

    def emit(self, record: logging.LogRecord) -> None:
        self.texts += [formatter.format(record) for formatter in self.ours]
        if record.name.startswith("lexigram"):
            # What we log is fit for a handler that hides nothing.
            self.texts += [self.plain.format(record), str(record.__dict__)]


@dataclass
class Sinks:
    """All that was said, by where."""

    said: dict[str, list[str]] = field(default_factory=dict)

    def add(self, sink: str, *things: object) -> None:
        self.said.setdefault(sink, []).extend(map(str, things))

    def error(self, error: BaseException) -> None:
        """Add all that may be shown of an error."""
        again = pickle.loads(pickle.dumps(error))
        self.add("str", error, again)
        self.add("repr", repr(error), repr(again))
        self.add("traceback", "".join(traceback.format_exception(error)))
        if isinstance(error, HTTPClientError):
            self.add("error fields", error.url, error.explain())
            self.add("timeline", format_timeline(error.timeline), error.timeline)
            response = getattr(error, "response", None)
            if response is not None:
                self.response(response)
            for one in getattr(error, "history", ()):
                self.response(one)

    def response(self, response: HttpResponse) -> None:
        self.add("response", repr(response), repr(response.headers))
        self.add("timeline", format_timeline(response.timeline))

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Add what is logged and warned of meanwhile, by anybody."""
        records, root = Records(), logging.getLogger()
        before = root.level
        root.addHandler(records)
        root.setLevel(logging.DEBUG)
        try:
            with warnings.catch_warnings(record=True) as warned:
                yield
        finally:
            root.removeHandler(records)
            root.setLevel(before)
        self.add("logs", *records.texts)
        self.add("warnings", *(one.message for one in warned))

    def check(self) -> None:
        leaks = [
            f"{sink}: …{text[max(0, found.start() - 90) : found.end() + 30]}…"
            for sink, texts in self.said.items()
            for text in texts
            for found in re.finditer(CANARY, text, re.IGNORECASE)
        ]
        assert not leaks, "\n".join(dict.fromkeys(leaks))


@dataclass
class Telemetry:
    """What metrics and spans tell."""

    metrics: InMemoryMetrics = field(default_factory=InMemoryMetrics)
    exporter: InMemorySpanExporter = field(default_factory=InMemorySpanExporter)
    reader: InMemoryMetricReader = field(default_factory=InMemoryMetricReader)

    def __post_init__(self) -> None:
        tracers = TracerProvider()
        tracers.add_span_processor(SimpleSpanProcessor(self.exporter))
        meters = MeterProvider([self.reader])
        self.spans = OTelInterceptor(tracer_provider=tracers, meter_provider=meters)
        self.recorder = OTelRecorder(meters)

    def tell(self, sinks: Sinks) -> None:
        names = self.metrics.names()
        assert names
        sinks.add("metrics", *(repr(self.metrics.series(name)) for name in names))
        spans = self.exporter.get_finished_spans()
        sinks.add("spans", *(one.to_json() for one in spans))
        data = self.reader.get_metrics_data()
        sinks.add("otel metrics", data.to_json() if data else "")


# -- calls --------------------------------------------------------------------------------

HEADERS = {
    "Authorization": f"Bearer {secret('Authorization')}",
    "Cookie": f"sid={secret('Cookie')}; theme={secret('SecondCookie')}",
    "X-Api-Key": secret("ApiKey"),
    "X-Amz-Security-Token": secret("Token"),
}
OPTIONS: dict[str, Any] = {
    "headers": HEADERS,
    "params": {"q": secret("Param"), "api_key": secret("KeyParam")},
}
BODIES: list[dict[str, Any]] = [
    {"json": {"password": secret("Json"), "note": secret("Note")}},
    {"data": {"client_secret": secret("Form")}},
    {"data": {"a": "b"}, "files": {"f": secret("File").encode()}},
]
SET_COOKIE = {"Set-Cookie": f"sid={secret('SetCookie')}; Path=/; HttpOnly"}
SAID = json.dumps(
    {
        "message": f"token={secret('Said')} and https://u:{secret('InUrl')}@h/?a={secret('Q')}",
        "access_token": secret("BodyToken"),
    }
)


def raw(text: str) -> Any:
    return fault.raw(text.replace("\n", "\r\n").encode())


def to(location: str) -> Reply:
    return Reply(302, headers={"Location": location, **SET_COOKIE})


OUTCOMES: dict[str, Any] = {
    "ok": Reply(200, json={"password": secret("Body")}, headers=SET_COOKIE),
    "unauthorised": Reply(401, body=SAID.encode(), headers={**SET_COOKIE, "Content-Type": "application/json"}),
    "problem": Reply(422, body=SAID.encode(), headers={"Content-Type": "application/problem+json"}),
    "text": Reply(503, text=f"Authorization: Bearer {secret('Echo')}\nCookie: a={secret('EchoCookie')}"),
    "undecodable": Reply(200, body=b'{"token": "' + secret("Broken").encode()),
    "reset": fault.reset(after_bytes=3),
    "hang": fault.hang(),
    "truncated": fault.truncate(5),
    "garbage": raw(f"Set-Cookie: {secret('Garbage')}\n\n"),
    "bad field": raw(f"HTTP/1.1 200 OK\nX-Api-Key: {secret('Field')}\nno colon\n\n"),
    "bad name": raw(f"HTTP/1.1 200 OK\nSet Cookie: {secret('Name')}\n\n"),
    "bad length": raw(f"HTTP/1.1 200 OK\nContent-Length: token={secret('Length')}\n\n"),
    "bad chunk": raw(f"HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\ntoken={secret('Chunk')}\n"),
    "bad coding": Reply(200, body=secret("Gzip").encode(), headers={"Content-Encoding": "gzip"}),
    "redirect with credentials": to(f"http://me:{secret('Location')}@127.0.0.1:1/"),
    "redirect to ftp": to(f"ftp://h/?code={secret('Ftp')}"),
    "redirect nowhere": to(f"http://127.0.0.1:1/?code={secret('Nowhere')}#t={secret('Fragment')}"),
    "redirect to a broken url": to(f"http://me:{secret('Port')}/x"),
    "redirect in a circle": to(f"/v1?code={secret('Circle')}"),
}  # fmt: skip


def answering(server: FaultServer, outcome: Any) -> None:
    route = server.on("*", "/v1")
    if isinstance(outcome, Reply):
        route.respond(outcome)
    else:
        route.fail(outcome)


async def _called(client: HTTPClient, url: str, options: Any, sinks: Sinks) -> None:
    plan = client.explain("POST", url, **options)
    sinks.add("explain", plan, repr(plan))
    try:
        response = await client.request("POST", url, **options)
    except HTTPClientError as error:
        sinks.error(error)
        return
    sinks.response(response)
    try:
        _ = response.json
    except HTTPClientError as error:
        sinks.error(error)
    for read in (client.get, client.delete):
        result = await read(url, **{k: v for k, v in options.items() if k != "json"})
        sinks.add("result", repr(result))
        if result.is_err():
            sinks.error(result.unwrap_err())
    sinks.add("client", repr(client))


@pytest.mark.parametrize("outcome", OUTCOMES)
async def test_no_call_shows_a_secret_whatever_becomes_of_it(outcome: str) -> None:
    sinks, telemetry = Sinks(), Telemetry()
    config = HTTPClientConfig(max_response_bytes=1024, max_redirects=2)
    with sinks.watching():
        async with (
            virtual_time(),
            FaultServer.run() as server,
            HTTPClient(
                config, interceptors=[telemetry.spans], metrics=telemetry.metrics
            ) as client,
        ):
            answering(server, OUTCOMES[outcome])
            url = f"{server.base_url}/v1?code={secret('Query')}#{secret('Hash')}"
            within = {"timeout": Timeouts(total=5, attempt=1)}
            for body in BODIES:
                options = {**OPTIONS, **body, **within, "idempotency_key": "k"}
                await _called(client, url, options, sinks)
            # Userinfo becomes credentials of its own, which no header may stand beside.
            userinfo = url.replace("//", f"//me:{secret('Userinfo')}@")
            await _called(client, userinfo, within, sinks)
            sinks.add("server", *(repr(c.request) for c in server.calls), repr(server))
    telemetry.tell(sinks)
    assert sinks.said["logs"] or outcome in {"ok", "undecodable"}
    sinks.check()


async def test_no_failure_to_connect_shows_a_secret() -> None:
    sinks, telemetry = Sinks(), Telemetry()
    with sinks.watching():
        async with HTTPClient(
            HTTPClientConfig(trust_env=False),
            interceptors=[telemetry.spans],
            metrics=telemetry.metrics,
        ) as client:
            for host in ("127.0.0.1:1", "nobody.invalid"):
                url = f"http://me:{secret('Userinfo')}@{host}/?q={secret('Query')}"
                result = await client.get(url, retry=False)
                sinks.error(result.unwrap_err())
                for error in await client.warm_up([url]):
                    sinks.error(error)
                through = f"http://me:{secret('Proxy')}@{host}"
                result = await client.get(
                    "http://api.test/", proxy=through, retry=False
                )
                sinks.error(result.unwrap_err())
    telemetry.tell(sinks)
    sinks.check()


async def test_a_proxy_that_refuses_shows_no_secret() -> None:
    sinks = Sinks()
    with sinks.watching():
        async with FaultServer.run() as proxy, HTTPClient() as client:
            proxy.on("*", "http://api.test/").respond(407, text=secret("Said"))
            through = proxy.base_url.replace("//", f"//me:{secret('Proxy')}@")
            url = f"http://api.test/?q={secret('Query')}"
            result = await client.get(url, proxy=through, headers=HEADERS)
            error = result.unwrap_err()
            sinks.add("str", error.url, error.timeline)
    sinks.check()


BAD = secret("Bad")
INVALID: list[tuple[str, str, dict[str, Any]]] = [
    ("GET", f"http://me:{BAD} @h/", {}),
    ("GET", f" http://me:{BAD}@h/", {}),
    ("GET", f"http:/me:{BAD}@h/", {}),
    ("GET", f"http:\\\\me:{BAD}@h/", {}),
    ("GET", f"me:{BAD}@h/", {}),
    ("GET", f"http://me:{BAD}/x@h/", {}),
    ("GET", f"http://me:{BAD}#x@h/", {}),
    ("GET", f"http://me:{BAD}@h:99999/", {}),
    ("GET", f"http://me:{BAD}@[::1/", {}),
    ("GET", f"http://me:{BAD}@h\u2100/", {}),
    ("GET", f"http://me:{BAD}@\u00ad/", {}),
    ("GET", f"http://me:{BAD}@h/", {"headers": HEADERS}),
    ("GET", "http://h/", {"headers": {"Authorization": f"{BAD}\n"}}),
    ("GET", "http://h/", {"headers": {"X-Api-Key": f"\0{BAD}"}}),
    ("GET", "http://h/", {"headers": {"Cookie": 7}}),
    ("GET", "http://h/", {"headers": {f"X-Key\n{BAD}": "a"}}),
    ("GET", "http://h/", {"auth": (f"a:{BAD}", BAD)}),
    ("GET", "http://h/", {"auth": ("a", f"{BAD}\n")}),
    ("GET", "http://h/", {"auth": f"{BAD}"}),
    ("GET", "http://h/", {"params": {"token": object()}}),
    ("GET", "http://h/", {"params": BAD}),
    ("POST", "http://h/", {"json": {"password": {BAD}}}),
    ("POST", "http://h/", {"json": {"a": 1}, "data": BAD}),
    ("POST", "http://h/", {"data": {"password": object(), "b": BAD}}),
    ("GET", "http://h/", {"proxy": f"socks5://me:{BAD}@h"}),
    ("GET", "http://h/", {"proxy": f"http://me:{BAD}@h:x"}),
    ("GET", "http://h/", {"proxy": f"me:{BAD}@h"}),
    ("GET", "http://h/", {"idempotency_key": f"{BAD}\n"}),
    ("GET", "http://h/", {"tls": "bank", "headers": HEADERS}),
    ("GET", "http://h/", {"timeut": 3, "headers": HEADERS}),
    ("GET", "http://h/", {"timeout": "x", "headers": HEADERS}),
]


@pytest.mark.parametrize("number", range(len(INVALID)))
async def test_a_request_that_cannot_be_sent_shows_no_secret(number: int) -> None:
    method, url, options = INVALID[number]
    sinks = Sinks()
    with sinks.watching():
        async with HTTPClient() as client:
            fake = FakeHTTPClient()
            calls: list[Callable[..., Awaitable[Any]]] = [client.request, fake.request]
            for call in calls:
                try:
                    await call(method, url, **options)
                except UnmatchedRequest as failure:
                    sinks.add("kit", failure)
                except Exception as error:  # noqa: BLE001 - of any class
                    sinks.error(error)
    sinks.check()


# -- who calls ----------------------------------------------------------------------------


async def test_no_interceptor_shows_its_secret(tmp_path: Path) -> None:
    sinks = Sinks()
    file = tmp_path / "netrc"
    file.write_text(
        f"machine h login me password {secret('Netrc')} nonsense {secret('Word')}"
    )
    origin = "http://127.0.0.1:1"

    async def refresh() -> AccessToken:
        return AccessToken(secret("Fresh"))

    async def fail() -> AccessToken:
        raise ValueError(
            f"No token: https://u:{secret('Refresh')}@h/?c={secret('Code')}"
        )

    members: list[Any] = [
        BearerAuth(secret("Bearer"), origin=origin),
        BasicAuth("me", secret("Basic"), origin=origin),
        DefaultHeaders({"X-Api-Key": secret("Default")}, origin=origin),
        TokenRefresh(refresh, origin=origin),
        NetrcAuth(file),
    ]
    with sinks.watching():
        for one in members:
            sinks.add("interceptors", repr(one))
            async with HTTPClient(interceptors=[one]) as client:
                plan = client.explain("GET", origin)
                sinks.add("explain", plan, repr(plan), repr(client))
                result = await client.get(origin, retry=False)
                sinks.error(result.unwrap_err())
        refreshing = TokenRefresh(fail, origin=origin)
        async with HTTPClient(interceptors=[refreshing]) as client:
            error = (await client.get(origin, retry=False)).unwrap_err()
            sinks.add("str", error, repr(error), error.explain())
    sinks.add("token", repr(AccessToken(secret("Token"))))
    params = {"key": secret("Param")}
    base = BaseURLHTTPClient("http://api.test/v1", headers=HEADERS, params=params)
    sinks.add("base", repr(base))
    sinks.check()


async def test_a_context_shows_no_secret() -> None:
    sinks = Sinks()
    url = f"http://me:{secret('Userinfo')}@h/?q={secret('Query')}"
    request = RequestContext("GET", url)
    for name, value in HEADERS.items():
        request.headers[name] = value
    sinks.add("contexts", repr(request), repr(request.headers))
    sinks.add(
        "contexts",
        repr(ResponseContext(200, url=url, headers=MutableHeaders(SET_COOKIE))),
    )
    sinks.check()


async def test_a_listing_that_leads_elsewhere_shows_no_secret() -> None:
    sinks = Sinks()
    with sinks.watching():
        async with FaultServer.run() as server, HTTPClient() as client:
            link = f'<http://u:{secret("Link")}@elsewhere.test/?cursor={secret("Cursor")}>; rel="next"'
            server.on.get("/v1").respond(200, json=[1], headers={"Link": link})
            try:
                async for _ in paginate(
                    client, f"{server.base_url}/v1?q={secret('Query')}"
                ):
                    pass
            except HTTPClientError as error:
                sinks.error(error)
    assert sinks.said["str"]
    sinks.check()


async def test_no_stream_shows_a_secret() -> None:
    sinks = Sinks()
    lines = f'{{"token": "{secret("Line")}"}}\n{{"password": "{secret("Cut")}\n'
    with sinks.watching():
        async with FaultServer.run() as server, HTTPClient() as client:
            server.on.get("/v1").respond(text=lines, headers=SET_COOKIE)
            url = f"{server.base_url}/v1?q={secret('Query')}"
            try:
                async with client.stream("GET", url, headers=HEADERS) as stream:
                    sinks.add("stream", repr(stream), repr(stream.headers))
                    async for _ in stream.json_lines():
                        pass
            except HTTPClientError as error:
                sinks.error(error)
    assert sinks.said["str"]
    sinks.check()


async def test_no_download_shows_or_keeps_a_secret(tmp_path: Path) -> None:
    sinks = Sinks()
    with sinks.watching():
        async with FaultServer.run() as server, HTTPClient() as client:
            url = f"{server.base_url}/v1?q={secret('Query')}"
            headers = {"ETag": '"1"', "Content-Length": "9", "Accept-Ranges": "bytes"}
            cut = "".join(f"{n}: {v}\r\n" for n, v in headers.items())
            server.on.get("/v1").sequence(
                fault.raw(f"HTTP/1.1 200 OK\r\n{cut}\r\nabc".encode()),
                Reply(404, text=f"token={secret('Said')}"),
                Reply(200, body=b"whole"),
            )
            for _ in range(3):
                try:
                    done = await client.download(
                        url, tmp_path / "file", headers=HEADERS, retry=False
                    )
                    sinks.add("download", done)
                except HTTPClientError as error:
                    sinks.error(error)
                files = [one.read_bytes() for one in tmp_path.iterdir()]  # noqa: ASYNC240 - of a test
                sinks.add("files", *files, *tmp_path.iterdir())  # noqa: ASYNC240 - of a test
    assert sinks.said["str"]
    sinks.check()


# -- the configuration --------------------------------------------------------------------


def test_no_configuration_shows_a_secret(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sinks = Sinks()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LEX_HTTP__PROXY", f"http://me:{secret('Proxy')}@proxy.test:1")
    monkeypatch.setenv("LEX_HTTP__TLS__CLIENT_KEY_PASSWORD", secret("KeyPassword"))
    (tmp_path / "application.yaml").write_text(
        f"http: {{tls: {{client_cert_file: c.pem, client_key_password: {secret('File')}}}}}"
    )
    (tmp_path / "c.pem").write_text("")
    (tmp_path / "shop_7.py").write_text(
        "from lexigram import Application\n"
        "from lexigram.http import HTTPModule\n"
        "app = Application(HTTPModule.configure())\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    app = Application(HTTPModule.configure())
    sinks.add("explain", app.config.explain(), app.config.explain("http"), repr(app))
    lexigram(["config", "explain", "--app", "shop_7:app"])
    lexigram(["check", "shop_7:app"])
    output = capsys.readouterr()
    assert "proxy.test" in output.out
    sinks.add("command", output.out, output.err)
    values = {
        "proxy": f"http://me:{secret('Proxy')}@proxy.test:1",
        "tls": {"client_key_password": secret("Password"), "client_cert_file": "c.pem"},
    }
    config = HTTPClientConfig.model_validate(values)
    dumps = (repr(config), str(config), config.model_dump(), config.model_dump_json())
    sinks.add("dump", *dumps, repr(config.proxy), repr(config.tls))
    for wrong in (
        {**values, "max_redirects": "x"},
        {"proxy": f"socks5://me:{secret('Proxy')}@h"},
        {"proxy": f"http://me:{secret('Proxy')}@h:x"},
        {"proxy": secret("Proxy")},
        {"prox": f"http://me:{secret('Proxy')}@h"},
        {"tls": {"client_key_password": [secret("Password")]}},
    ):
        with pytest.raises(ValueError) as caught:  # noqa: PT011 - the text is searched
            HTTPClientConfig.model_validate(wrong)
        sinks.add("problem", caught.value, repr(caught.value))
    sinks.check()


def test_a_configuration_that_is_refused_shows_no_secret(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    sinks = Sinks()
    monkeypatch.chdir(tmp_path)
    for name, value in (
        ("LEX_HTTP__PROXY", f"socks5://me:{secret('Proxy')}@proxy.test"),
        ("LEX_HTTP__PROXY", f"me:{secret('Proxy')}@proxy.test:x"),
        ("LEX_HTTP__TLS__CLIENT_KEY_PASWORD", secret("Password")),
        ("LEX_HTTP__POOL__TIMEOUT", f"http://me:{secret('Timeout')}@h"),
        ("LEX_HTTP__TLS__PINS", f'["http://me:{secret("Pin")}@h"]'),
        ("LEX_HTTP__EGRESS__DENY_HOSTS", f'["http://me:{secret("Host")}@h"]'),
    ):
        with monkeypatch.context() as patched:
            patched.setenv(name, value)
            with pytest.raises(Exception) as caught:  # noqa: PT011 - searched
                Application(HTTPModule.configure()).check()
            sinks.error(caught.value)
    sinks.check()


async def test_a_certificate_that_cannot_be_used_shows_no_secret(
    tmp_path: Path,
) -> None:
    sinks = Sinks()
    (tmp_path / "c.pem").write_text(f"-----BEGIN PRIVATE KEY-----\n{secret('Key')}\n")
    tls = TLSConfig.model_validate(
        {
            "client_cert_file": tmp_path / "c.pem",
            "client_key_password": secret("Password"),
        }
    )
    with sinks.watching():
        try:
            await HTTPClient(HTTPClientConfig(tls=tls)).start()
        except Exception as error:  # noqa: BLE001 - of any class
            sinks.add("str", error, repr(error))
            sinks.add("traceback", "".join(traceback.format_exception(error)))
    assert sinks.said["str"]
    sinks.check()


# -- what is built around it --------------------------------------------------------------


async def test_the_log_and_the_health_of_an_application_show_no_secret(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    sinks = Sinks()
    monkeypatch.chdir(tmp_path)
    proxy = f"http://me:{secret('Proxy')}@proxy.test:1"
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    partner = HTTPModule.feature(
        "partner", base_url=f"https://me:{secret('Base')}@partner.test/v1"
    )
    with sinks.watching():
        async with Application.boot(HTTPModule.configure(), partner) as app:
            health = await app.health()
            sinks.add("health", health, repr(health))
            client = await app.resolve(HTTPClient)
            sinks.add("client", repr(client), client.explain("GET", "https://a.test"))
    sinks.check()


def test_what_others_log_shows_no_secret_of_a_url() -> None:
    sinks = Sinks()
    log = logging.getLogger("somebody.else")
    url = f"https://me:{secret('Url')}@h/?q={secret('Query')}"
    with sinks.watching():
        log.warning("No answer from %s yet", url)
        log.warning("sent", extra={"target": f"to {url}", "password": secret("Field")})
        log.warning("sent", extra={"deep": [{"at": url, "token": secret("Deep")}]})
        log.warning("Refused: Bearer %s", secret("Bearer0123456789"))
        try:
            raise ValueError(f"cannot reach {url}")  # noqa: TRY301 - of somebody
        except ValueError:
            log.exception("failed")
    assert len(sinks.said["logs"]) == 10
    sinks.check()


@pytest.mark.parametrize("verbose", [True, False])
@pytest.mark.parametrize(
    "outcome", ["ok", "unauthorised", "redirect with credentials", "bad field"]
)
async def test_the_command_shows_no_secret_beside_the_answer(
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    tmp_path: Path,
    verbose: bool,  # noqa: FBT001 - of a table
    outcome: str,
) -> None:
    sinks = Sinks()
    monkeypatch.setenv("SHOP_TOKEN", secret("Bearer"))
    monkeypatch.setenv("SHOP_KEY", secret("Key"))
    result = OUTCOMES[outcome]
    async with FaultServer.run() as server:
        answering(server, result)
        arguments = [
            f"{server.base_url}/v1?code={secret('Query')}",
            *("--bearer-env", "SHOP_TOKEN", "--header-env", "X-Api-Key=SHOP_KEY"),
            *("-q", f"k={secret('Param')}", "-H", f"Cookie: a={secret('Cookie')}"),
            *("--include", "--output", str(tmp_path / "body"), "--no-retry"),
            *(["--verbose"] if verbose else []),
        ]
        await asyncio.to_thread(http, ["get", *arguments])
    shown = capfd.readouterr()
    assert shown.out + shown.err
    # What stands below the head is what was asked for.
    sinks.add("command", shown.out.partition("\n\n")[0], shown.err)
    sinks.check()


async def test_no_cassette_and_no_report_of_the_kit_shows_a_secret(
    tmp_path: Path,
) -> None:
    sinks = Sinks()
    fake = FakeHTTPClient()
    fake.on.post("https://api.test/x").respond(
        401, json={"access_token": secret("Body")}, headers=SET_COOKIE
    )
    url = f"https://me:{secret('Userinfo')}@api.test/x?api_key={secret('Query')}"
    path = tmp_path / "it.yaml"
    cassette = Cassette.open(path, mode="record_all")
    with sinks.watching():
        async with RecordingHTTPClient(fake, cassette) as client:
            await client.post(url, json={"password": secret("Json")})
            sinks.add("kit", repr(client), repr(cassette), *map(repr, client.calls))
        sinks.add("cassette", *(f.read_text() for f in tmp_path.iterdir()))  # noqa: ASYNC240 - of a test
        pact = cassette.to_pact(consumer="a", provider="b")
        sinks.add("pact", json.dumps(pact))
        fake = FakeHTTPClient()
        try:
            async with fake:
                await fake.post(url, json={"password": secret("Json")})
        except UnmatchedRequest as failure:
            sinks.add("unmatched", failure, repr(failure))
        sinks.add("kit", repr(fake), *map(repr, fake.calls))
    assert sinks.said["unmatched"]
    sinks.check()


def test_the_search_finds_what_is_shown() -> None:
    sinks = Sinks()
    with sinks.watching():
        logging.getLogger("lexigram.x").debug("%s", secret("Log"))
    with pytest.raises(AssertionError, match=secret("Log")):
        sinks.check()
    assert io.StringIO(secret("x")).read().startswith(CANARY)
