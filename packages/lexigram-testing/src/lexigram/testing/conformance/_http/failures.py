"""HTTP-060 to 079: failures below HTTP, and what every error holds."""

from __future__ import annotations

import gzip
import pickle
from collections.abc import Awaitable, Callable
from typing import Any, cast

from lexigram.contracts.web import (
    HTTPClientError,
    HTTPClientProtocol,
    HTTPClientStateError,
    HTTPConnectionError,
)
from lexigram.testing._answers.faults import Fault, fault
from lexigram.testing.conformance._backend import Backend, ClientFactory, refuse
from lexigram.testing.conformance._behaviour import behaviour
from lexigram.testing.conformance._expectations import (
    expect,
    expect_equal,
    expect_err,
    expect_ok,
    expect_raised,
)
from lexigram.testing.conformance._http.opening import client_behaviour

_SECRET = "s3cret"  # noqa: S105 - it is planted, and must not be found
_GZIP = {"Content-Encoding": "gzip"}
_OURS = ("lexigram.", "builtins")


@client_behaviour("HTTP-060")
async def a_refused_connection_was_not_sent(
    client: HTTPClientProtocol, backend: Backend
) -> None:
    """A refused connection is `Err(HTTPConnectionError)`, worth repeating, not sent."""
    await refuse(backend, "/x")
    result = await client.get(f"{backend.base_url}/x", retry=False)
    _expect_failure(result, "connect", "no")


@client_behaviour("HTTP-061")
async def a_reset_connection_may_have_been_sent(
    client: HTTPClientProtocol, backend: Backend
) -> None:
    """A reset before the response is `Err(HTTPConnectionError)`, maybe sent."""
    backend.on.get("/x").fail(fault.reset())
    result = await client.get(f"{backend.base_url}/x", retry=False)
    _expect_failure(result, "disconnected", "maybe")


@client_behaviour("HTTP-062", needs={"wire"})
async def a_connection_that_closes_may_have_been_sent(
    client: HTTPClientProtocol, backend: Backend
) -> None:
    """A connection that closes instead of an answer fails like one that is reset."""
    backend.on.get("/x").fail(fault.close())
    result = await client.get(f"{backend.base_url}/x", retry=False)
    _expect_failure(result, "disconnected", "maybe")


@client_behaviour("HTTP-063", needs={"wire"})
async def a_body_that_breaks_off_is_no_success(
    client: HTTPClientProtocol, backend: Backend
) -> None:
    """A body that ends before its end is `Err(HTTPConnectionError)`, truncated."""
    cut: tuple[Fault, ...] = (
        fault.truncate(10),
        fault.reset(10),
        fault.wrong_length(5),
    )
    for number, how in enumerate(cut):
        backend.on.get(f"/{number}").fail(how)
        result = await client.get(f"{backend.base_url}/{number}", retry=False)
        _expect_failure(result, "truncated", "yes", after=how)


@client_behaviour("HTTP-064", needs={"wire"})
async def what_is_not_http_is_no_success(
    client: HTTPClientProtocol, backend: Backend
) -> None:
    """An answer that is not HTTP is `Err(HTTPConnectionError)`, of the protocol."""
    for number, how in enumerate((fault.garbage(), fault.bad_chunk())):
        backend.on.get(f"/{number}").fail(how)
        result = await client.get(f"{backend.base_url}/{number}", retry=False)
        _expect_failure(result, "protocol", "yes", after=how)


@client_behaviour("HTTP-065")
async def a_broken_coding_is_no_success(
    client: HTTPClientProtocol, backend: Backend
) -> None:
    """A body that is not in its content coding is `Err(HTTPConnectionError)`."""
    backend.on.get("/x").respond(body=b"not gzip", headers=_GZIP)
    result = await client.get(f"{backend.base_url}/x", retry=False)
    _expect_failure(result, "truncated", "yes")


@client_behaviour("HTTP-066")
async def a_coding_without_its_end_is_no_success(
    client: HTTPClientProtocol, backend: Backend
) -> None:
    """A body whose content coding ends too early is `Err(HTTPConnectionError)`."""
    packed = gzip.compress(bytes(range(256)) * 4, mtime=0)
    backend.on.get("/x").respond(body=packed[: len(packed) // 2], headers=_GZIP)
    result = await client.get(f"{backend.base_url}/x", retry=False)
    _expect_failure(result, "truncated", "yes")


@client_behaviour("HTTP-067")
async def errors_are_the_contracts_own(
    client: HTTPClientProtocol, backend: Backend
) -> None:
    """An error inherits from classes of the contracts and of Python only."""
    for error in await _errors(client, backend):
        for base in type(error).__mro__:
            expect(
                base.__module__.startswith(_OURS),
                f"{type(error).__name__} inherits from {base.__module__}."
                f"{base.__name__}, which a service should not have to know.",
            )


@client_behaviour("HTTP-068")
async def errors_survive_pickling(client: HTTPClientProtocol, backend: Backend) -> None:
    """An error comes out of pickling as it went in."""
    for error in await _errors(client, backend):
        copy: HTTPClientError = pickle.loads(pickle.dumps(error))  # noqa: S301 - pickled here
        expect_equal("Its class", type(copy), type(error))
        expect_equal("Its text", str(copy), str(error))
        expect_equal("Its fields", sorted(vars(copy)), sorted(vars(error)))


@client_behaviour("HTTP-069")
async def errors_hold_no_secret(client: HTTPClientProtocol, backend: Backend) -> None:
    """No error shows credentials of its URL or headers."""
    for error in await _errors(client, backend):
        shown = f"{error} {error!r} {error.url} {error.args}"
        expect(_SECRET not in shown, f"A secret is in {shown!r}.")


@client_behaviour("HTTP-070")
async def errors_say_which_call_failed(
    client: HTTPClientProtocol, backend: Backend
) -> None:
    """An error says method, URL and how often the request was sent."""
    for error in await _errors(client, backend):
        expect_equal("Its method", error.method, "GET")
        address = error.url.partition("?")[0].rpartition("/")[0]
        expect_equal("Its URL", address, backend.base_url)
        expect_equal("Its attempts", error.attempts, 1)


@client_behaviour("HTTP-071")
async def failures_leave_the_client_usable(
    client: HTTPClientProtocol, backend: Backend
) -> None:
    """After many failures the client works as before."""
    backend.on.get("/bad").fail(fault.reset())
    backend.on.get("/good").respond()
    for _ in range(30):
        result = await client.get(f"{backend.base_url}/bad", retry=False)
        expect_err(result, HTTPConnectionError)
    expect_ok(await client.get(f"{backend.base_url}/good"))


@behaviour("HTTP-072")
async def a_stopped_client_says_so(factory: ClientFactory, backend: Backend) -> None:
    """A call after the client's stop raises `HTTPClientStateError`."""
    url = f"{backend.base_url}/x"
    async with factory(backend) as client:
        pass
    await expect_raised(HTTPClientStateError, client.get(url))
    await expect_raised(HTTPClientStateError, client.request("GET", url))


async def _errors(
    client: HTTPClientProtocol, backend: Backend
) -> list[HTTPClientError]:
    """Return errors of several kinds, of calls that carry secrets."""
    backend.on.get("/status").respond(501)
    backend.on.get("/reset").fail(fault.reset())
    backend.on.get("/hang").fail(fault.hang())
    backend.on.get("/large").respond(body=b"12345")
    options: dict[str, Any] = {
        "headers": {"Authorization": f"Bearer {_SECRET}"},
        "params": {"token": _SECRET},
        "timeout": 1.0,
        "max_response_bytes": 4,
        "retry": False,
    }
    get = cast("Callable[..., Awaitable[object]]", client.get)
    return [
        expect_err(await get(f"{backend.base_url}/{kind}", **options), HTTPClientError)
        for kind in ("status", "reset", "hang", "large")
    ]


def _expect_failure(
    result: object, failure: str, sent: str, *, after: Fault | None = None
) -> None:
    error = expect_err(result, HTTPConnectionError)
    where = f" after {after!r}" if after else ""
    expect_equal(f"The failure{where}", error.failure, failure)
    expect_equal(f"Whether it was sent{where}", error.request_sent, sent)
    expect(error.retryable, f"It is not called retryable{where}.")
    expect_equal(f"The attempts{where}", error.attempts, 1)
