"""The behaviours of an HTTP client: the fake has them, and each finds who has not."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Any, cast

import pytest

from lexigram.contracts.web import (
    Headers,
    HTTPClientError,
    HTTPClientProtocol,
    HTTPConnectionError,
    HTTPDecodeError,
    HTTPInvalidRequestError,
    HttpResponse,
    HTTPStatusError,
    HTTPTimeoutError,
    HTTPUnknownOptionError,
    build_failure,
    build_result,
)
from lexigram.result import Err, Ok
from lexigram.testing import Cassette, FakeHTTPClient, RecordingHTTPClient
from lexigram.testing.conformance import (
    Backend,
    ConformanceError,
    HTTPClientConformance,
    check_http_client,
    http_client_behaviours,
)


class TestFakeHTTPClient(HTTPClientConformance):
    version = "1.0"

    def make_backend(self) -> Any:
        return FakeHTTPClient()

    def make_client(self, backend: Backend) -> Any:
        return backend


class TestFakeHTTPClientOfPlainHTTP(TestFakeHTTPClient):
    def make_backend(self) -> Any:
        return FakeHTTPClient(base_url="http://api.test:8080")


class Client:
    """A client over a fake. Correct; its subclasses are not."""

    def __init__(self, backend: Any) -> None:
        self.inner: HTTPClientProtocol = backend

    async def __aenter__(self) -> Any:
        return self

    async def __aexit__(self, *_: object) -> None:
        await cast("Any", self.inner).__aexit__(None, None, None)

    async def get(self, url: str, **options: Any) -> Any:
        return await self.verb("GET", url, options)

    async def post(self, url: str, **options: Any) -> Any:
        return await self.verb("POST", url, options)

    async def put(self, url: str, **options: Any) -> Any:
        return await self.verb("PUT", url, options)

    async def delete(self, url: str, **options: Any) -> Any:
        return await self.verb("DELETE", url, options)

    async def patch(self, url: str, **options: Any) -> Any:
        return await self.verb("PATCH", url, options)

    async def head(self, url: str, **options: Any) -> Any:
        return await self.verb("HEAD", url, options)

    async def request(self, method: str, url: str, **options: Any) -> Any:
        return await self.send(method, url, options)

    async def verb(self, method: str, url: str, options: dict[str, Any]) -> Any:
        try:
            return build_result(await self.send(method, url, options))
        except HTTPClientError as error:
            return build_failure(error)

    async def send(self, method: str, url: str, options: dict[str, Any]) -> Any:
        return await self.inner.request(method, url, **options)


Send = Callable[[Client, str, str, dict[str, Any]], Any]


def sending(send: Send) -> type[Client]:
    """Return a client that sends in this way."""
    return type(send.__name__, (Client,), {"send": send})


def without(option: str) -> type[Client]:
    async def send(self: Client, method: str, url: str, options: dict[str, Any]) -> Any:
        options.pop(option, None)
        return await Client.send(self, method, url, options)

    return sending(send)


def answering(change: Callable[[HttpResponse], HttpResponse]) -> type[Client]:
    async def send(self: Client, method: str, url: str, options: dict[str, Any]) -> Any:
        return change(await Client.send(self, method, url, options))

    return sending(send)


def failing(change: Callable[[HTTPClientError], BaseException]) -> type[Client]:
    async def send(self: Client, method: str, url: str, options: dict[str, Any]) -> Any:
        try:
            return await Client.send(self, method, url, options)
        except HTTPClientError as error:
            raise change(error) from None

    return sending(send)


def changed(response: HttpResponse, **parts: Any) -> HttpResponse:
    given = {
        name: getattr(response, name)
        for name in (
            "status",
            "url",
            "method",
            "headers",
            "body",
            "attempts",
            "elapsed",
        )
    }
    return HttpResponse(**given | parts)


def with_fields(error: HTTPClientError, **fields: Any) -> HTTPClientError:
    for name, value in fields.items():
        if hasattr(error, name):
            setattr(error, name, value)
    return error


class ReturnsResponses(Client):
    async def verb(self, method: str, url: str, options: dict[str, Any]) -> Any:
        return await self.send(method, url, options)


class RaisesStatuses(Client):
    async def verb(self, method: str, url: str, options: dict[str, Any]) -> Any:
        result = await Client.verb(self, method, url, options)
        if isinstance(result, Err) and isinstance(result.error, HTTPStatusError):
            raise result.error
        return result


class RequestRaisesStatuses(Client):
    async def request(self, method: str, url: str, **options: Any) -> Any:
        return (await self.send(method, url, options)).raise_for_status()


class ErrsOnRedirects(Client):
    async def verb(self, method: str, url: str, options: dict[str, Any]) -> Any:
        result = await Client.verb(self, method, url, options)
        redirect = isinstance(result, Ok) and 300 <= result.value.status < 400
        return Err(HTTPStatusError(result.value)) if redirect else result


class LacksVerbs(Client):
    patch: Any = None


class Json(HttpResponse):
    """Takes what is no JSON for null, and is a class of its own."""

    @property
    def json(self) -> Any:
        try:
            return super().json
        except HTTPDecodeError:
            return None


class OneAnswer(Client):
    last: HttpResponse | None = None

    async def send(self, method: str, url: str, options: dict[str, Any]) -> Any:
        response = await Client.send(self, method, url, options)
        self.last = self.last or response
        return self.last


class Tired(Client):
    """Has a slot for each of twenty failures, and loses them."""

    slots = 20

    async def send(self, method: str, url: str, options: dict[str, Any]) -> Any:
        if self.slots <= 0:
            raise HTTPTimeoutError("No slot.", phase="pool", limit=1.0)
        try:
            return await Client.send(self, method, url, options)
        except BaseException:
            self.slots -= 1
            raise


class Immortal(Client):
    async def __aexit__(self, *_: object) -> None:
        cast("Any", self.inner).on("*", "/x").respond().optional()


class Foreign(HTTPConnectionError):  # noqa: N818 - whatever a library calls it
    """Of no module that a service knows."""


async def ignores_unknown_options(
    self: Client, method: str, url: str, options: dict[str, Any]
) -> Any:
    options.pop("heders", None)
    return await Client.send(self, method, url, options)


async def returns_what_it_should_raise(
    self: Client, method: str, url: str, options: dict[str, Any]
) -> Any:
    try:
        return await Client.send(self, method, url, options)
    except (HTTPInvalidRequestError, HTTPUnknownOptionError):
        return HttpResponse(200)


async def takes_what_there_is(
    self: Client, method: str, url: str, options: dict[str, Any]
) -> Any:
    try:
        return await Client.send(self, method, url, options)
    except HTTPConnectionError as error:
        if error.failure != "truncated":
            raise
        return HttpResponse(200)


async def unescapes(
    self: Client, method: str, url: str, options: dict[str, Any]
) -> Any:
    return await Client.send(self, method, url.replace("%2F", "/"), options)


async def always_gets(
    self: Client, method: str, url: str, options: dict[str, Any]
) -> Any:
    return await Client.send(self, "GET", url, options)


async def labels_everything(
    self: Client, method: str, url: str, options: dict[str, Any]
) -> Any:
    if not options.keys() & {"json", "data"}:
        options["headers"] = {"Content-Type": "text/plain"}
    return await Client.send(self, method, url, options)


async def repeats(self: Client, method: str, url: str, options: dict[str, Any]) -> Any:
    """Repeat whatever failed, once, with a key of its own."""
    try:
        response = await Client.send(self, method, url, options)
        if response.status < HTTPStatus.INTERNAL_SERVER_ERROR:
            return response
    except HTTPClientError:
        pass
    options["idempotency_key"] = "another"
    return await Client.send(self, method, url, options)


async def follows_always(
    self: Client, method: str, url: str, options: dict[str, Any]
) -> Any:
    options["follow_redirects"] = True
    return await Client.send(self, method, url, options)


async def follows_never(
    self: Client, method: str, url: str, options: dict[str, Any]
) -> Any:
    options["follow_redirects"] = False
    return await Client.send(self, method, url, options)


async def follows_blindly(
    self: Client, method: str, url: str, options: dict[str, Any]
) -> Any:
    """Follow with everything that was sent, wherever it leads, twice at most."""
    options["follow_redirects"], follow = False, options.get("follow_redirects")
    response = await Client.send(self, method, url, options)
    for _ in range(2):
        target = response.headers.get("location")
        if not follow or target is None:
            break
        if target.startswith(("ftp", "file")):
            return response
        base = cast("Any", self.inner).base_url
        there = target if "://" in target else f"{base}{target}"
        response = await Client.send(self, method, there, options)
    return response


async def is_late(self: Client, method: str, url: str, options: dict[str, Any]) -> Any:
    try:
        return await Client.send(self, method, url, options)
    except HTTPTimeoutError:
        await asyncio.sleep(0.001)
        raise


async def is_impatient(
    self: Client, method: str, url: str, options: dict[str, Any]
) -> Any:
    options["timeout"] = min(options.get("timeout") or 3.0, 3.0)
    return await Client.send(self, method, url, options)


async def swallows_cancellation(
    self: Client, method: str, url: str, options: dict[str, Any]
) -> Any:
    try:
        return await Client.send(self, method, url, options)
    except asyncio.CancelledError:
        raise HTTPTimeoutError("Cancelled.", phase="total", limit=1.0) from None


def without_charset(response: HttpResponse) -> HttpResponse:
    pairs = [p for p in response.headers.pairs if p[0].lower() != "content-type"]
    return changed(response, headers=pairs)


def collapsed(response: HttpResponse) -> HttpResponse:
    return changed(response, headers=dict(response.headers.pairs))


class ByCase(Headers):
    def get(self, name: str, default: Any = None) -> Any:
        return dict(self.pairs).get(name, default)


def by_case(response: HttpResponse) -> HttpResponse:
    response.headers = ByCase(response.headers)
    return response


def own_class(response: HttpResponse) -> HttpResponse:
    made = Json(response.status, response.url, response.method, response.headers)
    made.body = response.body
    return made


def compressed(response: HttpResponse) -> HttpResponse:
    coded = "content-encoding" in response.headers
    return changed(response, body=b"\x1f\x8b" + response.body) if coded else response


def unlabelled(error: HTTPClientError) -> BaseException:
    if isinstance(error, HTTPStatusError):
        error.problem = None
    return error


def unpicklable(error: HTTPClientError) -> BaseException:
    cast("Any", error).call = lambda: None
    return error


def foreign(error: HTTPClientError) -> BaseException:
    if not isinstance(error, HTTPConnectionError):
        return error
    return with_fields(Foreign("x", failure=error.failure), **vars(error))


def talkative(error: HTTPClientError) -> BaseException:
    error.args = ("It was sent with Bearer s3cret.",)
    return error


# Who does what wrong, and the behaviours that tell of it; others may as well.
WRONG: dict[str, tuple[Callable[[Any], Any], str]] = {
    "lacks a verb": (LacksVerbs, "001 002 100"),
    "returns bare responses": (ReturnsResponses, "002 003 007 060 110"),
    "raises for a status": (RaisesStatuses, "003 004"),
    "raises for a status in request()": (RequestRaisesStatuses, "005"),
    "takes redirects for errors": (ErrsOnRedirects, "048 081 086"),
    "sends everything as GET": (sending(always_gets), "002 005 023 082"),
    "ignores unknown options": (sending(ignores_unknown_options), "006"),
    "answers what cannot be sent": (
        sending(returns_what_it_should_raise),
        "006 007 008",
    ),
    "mixes up answers": (OneAnswer, "009"),
    "drops params": (without("params"), "020 021"),
    "unescapes paths": (sending(unescapes), "022"),
    "drops JSON": (without("json"), "023 082 104"),
    "drops data": (without("data"), "024 025 026"),
    "drops headers": (without("headers"), "027 028 083"),
    "drops the key": (without("idempotency_key"), "029 104"),
    "labels everything": (sending(labels_everything), "030"),
    "forgets the URL": (answering(lambda r: changed(r, url="")), "040 080"),
    "looks headers up by case": (
        answering(by_case),
        "041",
    ),
    "collapses headers": (answering(collapsed), "042"),
    "miscounts the body": (
        answering(
            lambda r: changed(r, headers=[*r.headers.pairs, ("Content-Length", "9")])
        ),
        "043",
    ),
    "loses bodies": (answering(lambda r: changed(r, body=b"0")), "044 047 048 052"),
    "has responses of its own": (answering(own_class), "045 053"),
    "ignores charsets": (answering(without_charset), "046"),
    "leaves codings": (answering(compressed), "049"),
    "ignores limits of size": (without("max_response_bytes"), "050 051"),
    "calls all failures the same": (
        failing(lambda e: with_fields(e, failure="tls", request_sent="yes")),
        "060 061 065",
    ),
    "takes what there is": (sending(takes_what_there_is), "065 066"),
    "raises classes of its own": (failing(foreign), "067"),
    "raises what cannot be pickled": (failing(unpicklable), "068"),
    "tells secrets": (failing(talkative), "069"),
    "does not say which call": (
        failing(lambda e: with_fields(e, method="", attempts=0)),
        "070",
    ),
    "tires": (Tired, "071 117"),
    "lives on after its end": (Immortal, "072"),
    "follows always": (sending(follows_always), "081"),
    "follows never": (sending(follows_never), "080 082 083 084 085 087"),
    "follows blindly": (sending(follows_blindly), "082 083 084 085 087"),
    "repeats everything": (sending(repeats), "100 101 102 103 104"),
    "is late": (sending(is_late), "110 111 112"),
    "is impatient": (sending(is_impatient), "110 111 112 113"),
    "swallows cancellation": (sending(swallows_cancellation), "114 115"),
}


async def report_on(client: Callable[[Any], Any]) -> set[str]:
    """Return the numbers of the behaviours that fail."""
    with pytest.raises(ConformanceError) as raised:
        await check_http_client(client, version="1.0", backend=FakeHTTPClient)
    return {v.behaviour.id.removeprefix("HTTP-") for v in raised.value.report.failed}


@pytest.mark.thorough
@pytest.mark.parametrize("wrong", WRONG)
async def test_a_client_that_does_wrong_is_found(wrong: str) -> None:
    client, behaviours = WRONG[wrong]
    found = await report_on(client)
    assert set(behaviours.split()) <= found


async def test_a_wrapper_that_does_nothing_wrong_conforms() -> None:
    report = await check_http_client(Client, version="1.0", backend=FakeHTTPClient)
    assert not report.failed


@pytest.mark.thorough
async def test_a_recording_client_conforms_like_the_one_it_records(
    tmp_path: Path,
) -> None:
    numbers = itertools.count()

    @asynccontextmanager
    async def recording(fake: Any) -> AsyncIterator[HTTPClientProtocol]:
        path = tmp_path / f"{next(numbers)}.json"
        async with (
            fake,
            RecordingHTTPClient(fake, Cassette.open(path, mode="record_all")) as client,
        ):
            yield client

    report = await check_http_client(recording, version="1.0", backend=FakeHTTPClient)
    assert not report.failed


def test_every_behaviour_without_a_wire_finds_someone() -> None:
    found = " ".join(behaviours for _, behaviours in WRONG.values()).split()
    behaviours = http_client_behaviours(version="1.0", capabilities=["tls"])
    missing = {b.id.removeprefix("HTTP-") for b in behaviours} - set(found)
    assert not missing


def test_ids_are_in_order_and_used_once() -> None:
    ids = [behaviour.id for behaviour in http_client_behaviours(version="1.0")]
    assert ids == sorted(set(ids))


def test_a_behaviour_is_a_sentence() -> None:
    for behaviour in http_client_behaviours(version="1.0"):
        assert behaviour.title[0].isupper() or behaviour.title[0] == "`"
        assert behaviour.title.endswith(".")
        assert "\n" not in behaviour.title


def test_a_version_takes_no_behaviour_that_came_later(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert http_client_behaviours(version="0.9") == ()
    every = http_client_behaviours(version="1.0")
    assert http_client_behaviours(version="1.10.3") == every


def test_capabilities_narrow_the_list() -> None:
    narrow = http_client_behaviours(version="1.0", capabilities=[])
    assert narrow
    assert not any(behaviour.needs for behaviour in narrow)


@pytest.mark.parametrize("version", ["", "one", "v1"])
def test_a_version_that_is_none_is_refused(version: str) -> None:
    with pytest.raises(ValueError, match="is no version of lexigram-contracts"):
        http_client_behaviours(version=version)


def test_a_capability_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ValueError, match="no capability 'wires'. Did you mean 'wire'"):
        http_client_behaviours(version="1.0", capabilities=cast("Any", ["wires"]))
