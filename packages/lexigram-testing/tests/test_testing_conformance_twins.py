"""`assert_equivalent` tells of every difference that a caller or upstream can see."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest

from lexigram.contracts.web import HTTPClientProtocol, HttpResponse, HTTPTimeoutError
from lexigram.testing import FakeHTTPClient, VerificationError, fault
from lexigram.testing.conformance import (
    WIRE_ONLY,
    Backend,
    Scenario,
    Twin,
    assert_equivalent,
    other_origin,
)

Run = Callable[[HTTPClientProtocol, Backend], Awaitable[object]]


def twin(base_url: str = "http://left.test", **more: Any) -> Twin:
    """Return a fake as a twin, made with `more` than the scenario asks for."""

    @asynccontextmanager
    async def opened(
        wiring: Mapping[str, Any],
    ) -> AsyncIterator[tuple[HTTPClientProtocol, Backend]]:
        async with FakeHTTPClient(base_url=base_url, **wiring | more) as fake:
            yield fake, fake

    return opened


class Changing(FakeHTTPClient):
    """Has its answers changed by a function."""

    change: Callable[[Any], Awaitable[Any]]

    async def get(self, url: str, **options: Any) -> Any:
        return await self.change(await super().get(url, **options))


def changing(change: Callable[[Any], Awaitable[Any]]) -> Twin:
    @asynccontextmanager
    async def opened(
        wiring: Mapping[str, Any],
    ) -> AsyncIterator[tuple[HTTPClientProtocol, Backend]]:
        async with Changing(base_url="http://right.test", **wiring) as fake:
            fake.change = change
            yield fake, fake

    return opened


async def a_plain_call(client: HTTPClientProtocol, backend: Backend) -> None:
    backend.on.get("/x").respond(json={"a": 1}, headers={"X-A": "1"})
    await client.get(f"{backend.base_url}/x")


async def a_failure(client: HTTPClientProtocol, backend: Backend) -> None:
    backend.on.get("/x").fail(fault.reset())
    await client.get(f"{backend.base_url}/x")


async def difference(right: Twin, run: Run = a_plain_call, **options: Any) -> str:
    """Return what is said of a fake and another twin."""
    with pytest.raises(AssertionError) as raised:
        await assert_equivalent(twin(), right, [Scenario(run=run)], **options)
    return str(raised.value)


async def status(result: Any) -> Any:
    result.value.status = 201
    return result


async def slow(result: Any) -> Any:
    await asyncio.sleep(0.5)
    return result


async def field(result: Any) -> Any:
    result.error.request_sent = "yes"
    return result


async def raises(result: Any) -> Any:
    raise HTTPTimeoutError("Late.", phase="read", limit=1.0)


async def unwraps(result: Any) -> Any:
    raise result.error


@pytest.mark.parametrize(
    ("right", "run", "line"),
    [
        (changing(status), a_plain_call, "calls.0.status: 200 and 201"),
        (
            twin(headers={"X-B": "b"}),
            a_plain_call,
            "requests.0.headers.x-b: '(nothing)' and ['b']",
        ),
        (changing(slow), a_plain_call, "elapsed: 0.0 and 0.5"),
        (changing(field), a_failure, "calls.0.error.request_sent: 'maybe' and 'yes'"),
        (changing(raises), a_plain_call, "calls.0.ending: 'Ok' and 'raised'"),
        (
            changing(raises),
            a_plain_call,
            "calls.0.error.phase: '(nothing)' and 'read'",
        ),
        (changing(unwraps), a_failure, "calls.0.ending: 'Err' and 'raised'"),
        (
            twin(max_response_bytes=1),
            a_plain_call,
            "calls.0.error.type: '(nothing)' and 'HTTPResponseTooLargeError'",
        ),
        (
            twin(metrics=None),
            a_plain_call,
            "metrics.http.request.duration{method=GET}: [0.0] and '(nothing)'",
        ),
    ],
)
async def test_a_difference_is_told(right: Twin, run: Run, line: str) -> None:
    text = await difference(right, run)
    assert f"    {line}" in text
    name = run.__name__.replace("_", " ")  # type: ignore[attr-defined]  # a function
    assert text.startswith(f"The twins differ.\n  {name}:\n")


async def test_a_header_that_is_missing_is_told() -> None:
    text = await difference(changing(with_headers))
    assert "calls.0.headers.x-a: ['1'] and '(nothing)'" in text
    assert "calls.0.headers.x-b: '(nothing)' and ['2']" in text


async def with_headers(result: Any) -> Any:
    response = result.value
    pairs = [(n, v) for n, v in response.headers.pairs if n != "X-A"]
    return type(result)(
        HttpResponse(
            200, response.url, "GET", [*pairs, ("X-B", "2")], body=response.body
        )
    )


async def test_alike_twins_pass_wherever_they_live() -> None:
    async def redirects(client: HTTPClientProtocol, backend: Backend) -> None:
        backend.on.get("/x").respond(
            302, headers={"Location": f"{other_origin(backend)}/y"}
        )
        backend.on.get("/y").respond(503, text="down")
        await client.get(f"{backend.base_url}/x")

    scenarios = [Scenario(run=run) for run in (a_plain_call, a_failure, redirects)]
    await assert_equivalent(twin(), twin("http://right.test"), scenarios)


async def test_a_known_difference_is_none() -> None:
    scenario = Scenario(run=a_plain_call, differs={"calls.*.status": "it counts up"})
    await assert_equivalent(twin(), changing(status), [scenario])


async def test_a_known_difference_that_is_gone_is_told() -> None:
    scenario = Scenario(run=a_plain_call, differs={"calls.*.status": "it counts up"})
    with pytest.raises(AssertionError) as raised:
        await assert_equivalent(twin(), twin(), [scenario])
    assert "calls.*.status: alike by now; take it out of `differs` (it counts up)" in (
        str(raised.value)
    )


async def test_what_is_ignored_may_differ() -> None:
    agent = twin(headers={"User-Agent": "another/1"})
    await assert_equivalent(twin(), agent, [Scenario(run=a_plain_call)])
    assert "requests.0.headers.user-agent" in await difference(agent, ignore={})
    assert all(WIRE_ONLY.values())


async def test_every_scenario_that_differs_is_told() -> None:
    scenarios = [
        Scenario(run=a_plain_call, name="first"),
        Scenario(run=a_plain_call, name="second", differs={"calls.*.status": "known"}),
        Scenario(run=a_plain_call, name="third"),
    ]
    with pytest.raises(AssertionError) as raised:
        await assert_equivalent(twin(), changing(status), scenarios)
    text = str(raised.value)
    assert "first:" in text
    assert "second:" not in text
    assert "third:" in text


async def test_wiring_is_made_anew_for_each_twin() -> None:
    made: list[Mapping[str, Any]] = []

    def wiring() -> Mapping[str, Any]:
        made.append({"timeout": 1.5})
        return made[-1]

    async def hangs(client: HTTPClientProtocol, backend: Backend) -> None:
        backend.on.get("/x").fail(fault.hang())
        await client.request("GET", f"{backend.base_url}/x")

    await assert_equivalent(twin(), twin(), [Scenario(run=hangs, wiring=wiring)])
    assert len(made) == 2


async def test_an_error_of_the_scenarios_own_comes_out() -> None:
    async def broken(client: HTTPClientProtocol, backend: Backend) -> None:
        raise LookupError(backend.base_url)

    with pytest.raises(LookupError, match=r"left\.test"):
        await assert_equivalent(twin(), twin(), [Scenario(run=broken)])


async def test_a_scenario_is_verified_like_a_test() -> None:
    async def forgets(client: HTTPClientProtocol, backend: Backend) -> None:
        backend.on.get("/x").respond()

    with pytest.raises(VerificationError):
        await assert_equivalent(twin(), twin(), [Scenario(run=forgets)])


async def test_a_cancelled_call_is_told_from_one_that_failed() -> None:
    async def cancelled(client: HTTPClientProtocol, backend: Backend) -> None:
        backend.on.get("/x").fail(fault.hang())
        call = asyncio.create_task(client.request("GET", f"{backend.base_url}/x"))
        await backend.calls.wait_for(1)
        call.cancel()
        await asyncio.wait({call})

    async def timed_out(client: HTTPClientProtocol, backend: Backend) -> None:
        backend.on.get("/x").fail(fault.hang())
        await client.request("GET", f"{backend.base_url}/x", timeout=1)

    scenario = Scenario(run=cancelled)
    await assert_equivalent(twin(), twin(), [scenario])

    async def either(client: HTTPClientProtocol, backend: Backend) -> None:
        run = cancelled if "left" in backend.base_url else timed_out
        await run(client, backend)

    text = await difference(twin("http://right.test"), either)
    assert "calls.0.ending: 'cancelled' and 'raised'" in text


def test_a_scenario_is_called_by_its_name() -> None:
    assert str(Scenario(run=a_plain_call)) == "a plain call"
    assert str(Scenario(run=a_plain_call, name="another")) == "another"
