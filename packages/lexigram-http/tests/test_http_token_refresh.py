"""One refresh for everybody, one replay for each call."""

import asyncio
import pickle
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lexigram.contracts.clock import SystemClock
from lexigram.contracts.web import (
    HTTPClientProtocol,
    HTTPConnectionError,
    HttpResponse,
    HTTPTimeoutError,
    RequestSent,
)
from lexigram.http import AccessToken, HTTPClient, TokenRefresh, TokenRefreshError
from lexigram.http.retry import BuiltinRetry
from lexigram.testing import (
    FakeHTTPClient,
    FaultServer,
    RecordedRequest,
    Reply,
    virtual_time,
)
from lexigram.testing.conformance import Backend


class Issuer:
    """Issues t1, t2, …; only the last one is good. Can be held, and fail."""

    def __init__(self, *, expires_in: float | None = None) -> None:
        self.issued = 0
        self.begun = 0
        self.expires_in = expires_in
        self.failure: Exception | None = None
        self.open = asyncio.Event()
        self.open.set()

    async def __call__(self) -> AccessToken:
        self.begun += 1
        await self.open.wait()
        if self.failure is not None:
            raise self.failure
        self.issued += 1
        return AccessToken(f"t{self.issued}", self.expires_in)

    def admit(self, request: RecordedRequest) -> Reply:
        good = request.headers.get("authorization") == f"Bearer t{self.issued}"
        return Reply(200 if good else 401)

    def revoke(self) -> None:
        """Let no token be good but the next one."""
        self.issued += 1


Opened = AbstractAsyncContextManager[tuple[HTTPClientProtocol, Backend]]
Open = Callable[..., Opened]


@asynccontextmanager
async def on_sockets(
    issuer: Issuer, **options: Any
) -> AsyncGenerator[tuple[HTTPClientProtocol, Backend]]:
    async with virtual_time(), FaultServer.run() as server:
        auth = TokenRefresh(issuer, origin=server.base_url, **options)
        async with HTTPClient(interceptors=[auth]) as client:
            yield client, server


@asynccontextmanager
async def in_memory(
    issuer: Issuer, **options: Any
) -> AsyncGenerator[tuple[HTTPClientProtocol, Backend]]:
    auth = TokenRefresh(issuer, origin="https://fake.test", **options)
    retry = BuiltinRetry(SystemClock(), Random(1))
    async with (
        virtual_time(),
        FakeHTTPClient(interceptors=[auth], retry_policy=retry) as client,
    ):
        yield client, client


BOTH = pytest.mark.parametrize("opened", [on_sockets, in_memory])


async def call(client: HTTPClientProtocol, backend: Backend, n: int = 1) -> list[int]:
    """Return the statuses of `n` calls at once."""
    url = f"{backend.base_url}/x"
    calls = (client.request("POST", url, data=b"body") for _ in range(n))
    return [response.status for response in await asyncio.gather(*calls)]


@BOTH
async def test_a_token_is_fetched_before_the_first_request_and_kept(
    opened: Open,
) -> None:
    issuer = Issuer()
    async with opened(issuer) as (client, backend):
        backend.on.post("/x").handle(issuer.admit)
        assert await call(client, backend, 5) == [200] * 5
        assert await call(client, backend) == [200]
        assert len(backend.calls) == 6
    assert issuer.begun == 1


@BOTH
async def test_many_401s_at_once_cost_one_refresh_and_one_replay_each(
    opened: Open,
) -> None:
    issuer = Issuer()
    async with opened(issuer) as (client, backend):
        backend.on.post("/x").handle(issuer.admit)
        await call(client, backend)
        issuer.revoke()
        issuer.open.clear()
        calls = asyncio.create_task(call(client, backend, 8))
        await asyncio.sleep(1)
        # All of them were refused, and one refresh is under way for all.
        assert (len(backend.calls), issuer.begun) == (9, 2)
        issuer.open.set()
        assert await calls == [200] * 8
        bodies = {recorded.request.body for recorded in backend.calls}
        assert len(backend.calls) == 1 + 8 + 8
    assert bodies == {b"body"}
    assert issuer.begun == 2


@BOTH
async def test_a_401_to_an_old_token_is_replayed_without_another_refresh(
    opened: Open,
) -> None:
    """Its answer comes when somebody else has refreshed already."""
    issuer = Issuer()
    async with opened(issuer) as (client, backend):

        async def answer(request: RecordedRequest) -> Reply:
            late = "t1" in request.headers["authorization"] and "slow" in request.path
            return Reply(401, delay=60) if late else issuer.admit(request)

        backend.on.post("/x").handle(answer)
        backend.on.get("/slow").handle(answer)
        await call(client, backend)
        slow = asyncio.create_task(
            client.request("GET", f"{backend.base_url}/slow", timeout=90)
        )
        await asyncio.sleep(1)
        issuer.revoke()
        assert await call(client, backend) == [200]
        assert (await slow).status == 200
    assert issuer.begun == 2


@BOTH
async def test_a_call_is_replayed_once_whatever_comes_then(opened: Open) -> None:
    issuer = Issuer()
    async with opened(issuer) as (client, backend):
        backend.on.get("/x").sequence(
            Reply(401), Reply(503), Reply(401, headers={"X-Last": "1"})
        )
        response = await client.request("GET", f"{backend.base_url}/x")
        assert (response.status, response.attempts) == (401, 3)
        assert response.headers["x-last"] == "1"
    assert issuer.begun == 2


@BOTH
async def test_calls_that_begin_during_a_refresh_wait_for_it(opened: Open) -> None:
    issuer = Issuer()
    async with opened(issuer) as (client, backend):
        backend.on.post("/x").handle(issuer.admit)
        await call(client, backend)
        issuer.revoke()
        issuer.open.clear()
        first = asyncio.create_task(call(client, backend))
        await asyncio.sleep(1)
        second = asyncio.create_task(call(client, backend))
        await asyncio.sleep(1)
        assert len(backend.calls) == 2
        issuer.open.set()
        assert await first + await second == [200, 200]
        assert len(backend.calls) == 4
    assert issuer.begun == 2


@BOTH
async def test_a_token_is_replaced_by_its_margin_before_it_expires(
    opened: Open,
) -> None:
    issuer = Issuer(expires_in=100)
    async with opened(issuer, margin=10) as (client, backend):
        backend.on.post("/x").handle(issuer.admit)
        await call(client, backend)
        await asyncio.sleep(89)
        await call(client, backend)
        assert issuer.begun == 1
        await asyncio.sleep(1)
        assert await call(client, backend, 3) == [200] * 3
        assert len(backend.calls) == 5
    assert issuer.begun == 2


@BOTH
async def test_a_token_that_lives_shorter_than_the_margin_is_used_for_half_its_life(
    opened: Open,
) -> None:
    issuer = Issuer(expires_in=20)
    async with opened(issuer, margin=30) as (client, backend):
        backend.on.post("/x").handle(issuer.admit)
        await call(client, backend)
        await asyncio.sleep(9)
        await call(client, backend)
        assert issuer.begun == 1
        await asyncio.sleep(1)
        await call(client, backend)
    assert issuer.begun == 2


@BOTH
async def test_a_token_is_used_to_its_end_when_the_refresh_fails(opened: Open) -> None:
    issuer = Issuer(expires_in=100)
    async with opened(issuer, margin=10) as (client, backend):
        backend.on.post("/x").handle(issuer.admit)
        await call(client, backend)
        issuer.failure = LookupError()
        await asyncio.sleep(99)
        assert await call(client, backend) == [200]
        await asyncio.sleep(1)
        with pytest.raises(TokenRefreshError):
            await call(client, backend)
    assert issuer.begun == 3


@BOTH
async def test_a_call_that_saw_the_refresh_fail_does_not_ask_for_another(
    opened: Open,
) -> None:
    issuer = Issuer(expires_in=100)
    async with opened(issuer, margin=10) as (client, backend):
        backend.on.post("/x").handle(issuer.admit)
        await call(client, backend)
        await asyncio.sleep(95)
        issuer.revoke()
        issuer.failure = LookupError()
        with pytest.raises(TokenRefreshError) as caught:  # to the token still in use
            await call(client, backend)
        assert (caught.value.request_sent, caught.value.attempts) == ("yes", 1)
    assert issuer.begun == 2


@BOTH
async def test_a_token_that_is_refused_meanwhile_is_used_no_more(opened: Open) -> None:
    issuer = Issuer(expires_in=100)
    async with opened(issuer, margin=10) as (client, backend):
        backend.on.post("/x").handle(issuer.admit)
        backend.on.get("/slow").respond(401, delay=10)
        await call(client, backend)
        issuer.open.clear()
        issuer.failure = LookupError()
        await asyncio.sleep(85)
        slow = asyncio.create_task(client.get(f"{backend.base_url}/slow"))
        await asyncio.sleep(6)
        waits = asyncio.create_task(client.post(f"{backend.base_url}/x"))
        await asyncio.sleep(5)
        issuer.open.set()
        errors = (await slow).unwrap_err(), (await waits).unwrap_err()
    assert [error.request_sent for error in errors] == ["yes", "no"]
    assert issuer.begun == 2


@BOTH
@pytest.mark.parametrize("sent", ["no", "yes"])
async def test_a_refresh_that_fails_is_not_repeated_and_says_whose_it_is(
    opened: Open, sent: RequestSent
) -> None:
    issuer = Issuer()
    async with opened(issuer) as (client, backend):
        backend.on.get("/x").respond(401, delay=1).optional()
        if sent == "yes":  # with a token that was good once
            await client.get(f"{backend.base_url}/x")
        begun = issuer.begun
        issuer.failure = HTTPConnectionError("Gone.", failure="connect", retryable=True)
        calls = [client.get(f"{backend.base_url}/x?{n}") for n in range(3)]
        errors = [result.unwrap_err() for result in await asyncio.gather(*calls)]
        assert len({id(error) for error in errors}) == 3
        for error in errors:
            assert isinstance(error, TokenRefreshError)
            assert error.__cause__ is issuer.failure
            assert error.__notes__ == [
                "Raised by `around` of the interceptor TokenRefresh."
            ]
            assert error.request_sent == sent
            assert error.attempts == (1 if sent == "yes" else 0)
            assert error.retryable
    assert issuer.begun == begun + 1


async def test_the_next_call_refreshes_again_after_a_failure() -> None:
    issuer = Issuer()
    async with in_memory(issuer) as (client, backend):
        backend.on.post("/x").handle(issuer.admit)
        issuer.failure = LookupError()
        with pytest.raises(TokenRefreshError):
            await call(client, backend)
        issuer.failure = None
        assert await call(client, backend) == [200]


async def test_a_refresh_ends_with_its_own_timeout() -> None:
    issuer = Issuer()
    async with in_memory(issuer, timeout=5) as (client, backend):
        issuer.open.clear()
        started = asyncio.get_running_loop().time()
        with pytest.raises(TokenRefreshError) as caught:
            await call(client, backend)
        assert asyncio.get_running_loop().time() - started == 5
    assert isinstance(caught.value.__cause__, TimeoutError)
    assert "longer than its timeout of 5 s" in caught.value.__cause__.__notes__[0]


@BOTH
async def test_cancelling_those_who_wait_leaves_the_refresh_to_the_others(
    opened: Open,
) -> None:
    issuer = Issuer()
    async with opened(issuer) as (client, backend):
        backend.on.post("/x").handle(issuer.admit)
        issuer.open.clear()
        calls = [asyncio.create_task(call(client, backend)) for _ in range(3)]
        await asyncio.sleep(1)
        calls[0].cancel()  # the one that began it
        calls[1].cancel()
        await asyncio.sleep(1)
        assert [task.cancelled() for task in calls] == [True, True, False]
        issuer.open.set()
        assert await calls[2] == [200]
    assert issuer.begun == 1


async def test_a_refresh_that_nobody_waits_for_any_more_serves_the_next_call() -> None:
    issuer = Issuer()
    async with in_memory(issuer) as (client, backend):
        backend.on.post("/x").handle(issuer.admit)
        issuer.open.clear()
        given_up = asyncio.create_task(call(client, backend))
        await asyncio.sleep(1)
        given_up.cancel()
        await asyncio.sleep(1)
        issuer.open.set()
        assert await call(client, backend) == [200]
    assert issuer.begun == 1


@BOTH
async def test_the_deadline_of_a_call_does_not_end_the_refresh(opened: Open) -> None:
    issuer = Issuer()
    async with opened(issuer) as (client, backend):
        backend.on.get("/x").handle(issuer.admit)
        url = f"{backend.base_url}/x"
        issuer.open.clear()
        late = asyncio.create_task(client.get(url, timeout=1))
        patient = asyncio.create_task(client.get(url, timeout=20))
        error = (await late).unwrap_err()
        assert isinstance(error, HTTPTimeoutError)
        assert error.request_sent == "no"
        issuer.open.set()
        assert (await patient).is_ok()
    assert issuer.begun == 1


async def test_a_refresh_that_is_cancelled_is_no_cancellation_of_the_calls() -> None:
    async def refresh() -> AccessToken:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        await asyncio.sleep(0)
        raise AssertionError

    auth = TokenRefresh(refresh, origin="https://fake.test")
    async with FakeHTTPClient(interceptors=[auth]) as fake:
        error = (await fake.get("/x")).unwrap_err()
    assert isinstance(error, TokenRefreshError)


@BOTH
async def test_a_refresh_may_use_the_client_that_it_is_for(opened: Open) -> None:
    clients: list[tuple[HTTPClientProtocol, Backend]] = []

    async def refresh() -> AccessToken:
        client, backend = clients[0]
        answer = await client.request("POST", f"{backend.base_url}/token")
        return AccessToken(answer.text)

    async with opened(refresh) as (client, backend):
        clients.append((client, backend))
        backend.on.post("/token").respond(text="fresh")
        backend.on.get("/x").respond(200)
        assert await client.get(f"{backend.base_url}/x", timeout=5)
        sent = [c.request.headers.get("authorization") for c in backend.calls]
    assert sent == [None, "Bearer fresh"]


async def test_a_replay_reuses_the_connection() -> None:
    issuer = Issuer()
    async with FaultServer.run() as server:
        auth = TokenRefresh(issuer, origin=server.base_url)
        async with HTTPClient(interceptors=[auth]) as client:
            server.on.post("/x").handle(issuer.admit)
            await call(client, server)
            issuer.revoke()
            assert await call(client, server) == [200]
            assert len(server.connections) == 1


async def test_two_origins_have_their_own_tokens_and_refreshes() -> None:
    issuers = Issuer(), Issuer()
    async with FaultServer.run() as first, FaultServer.run() as second:
        servers = first, second
        both = [
            TokenRefresh(issuer, origin=server.base_url)
            for issuer, server in zip(issuers, servers, strict=True)
        ]
        async with HTTPClient(interceptors=both) as client:
            for issuer, server in zip(issuers, servers, strict=True):
                server.on.post("/x").handle(issuer.admit)
                await call(client, server)
            issuers[1].revoke()
            assert await call(client, first) == await call(client, second) == [200]
    assert [issuer.begun for issuer in issuers] == [1, 2]


@given(st.integers(0, 2**32))
@settings(deadline=None)
async def test_whoever_is_cancelled_the_others_get_their_answer(seed: int) -> None:
    random = Random(seed)
    issuer = Issuer(expires_in=5)

    async def refresh() -> AccessToken:
        token = await issuer()
        await asyncio.sleep(random.uniform(0, 1))
        return token

    under_way = 0

    async def admit(request: RecordedRequest) -> Reply:
        nonlocal under_way
        assert request.headers["authorization"].startswith("Bearer t")
        under_way += 1
        try:
            await asyncio.sleep(random.uniform(0, 1))
        finally:
            under_way -= 1
        return Reply(random.choice([200, 200, 401]))

    async with virtual_time():
        auth = TokenRefresh(refresh, origin="https://fake.test", margin=1)
        async with FakeHTTPClient(interceptors=[auth], max_connections=3) as fake:
            fake.on.get("/x").handle(admit)

            async def one() -> HttpResponse:
                await asyncio.sleep(random.uniform(0, 10))
                return await fake.request("GET", "/x", timeout=60)

            calls = [asyncio.create_task(one()) for _ in range(12)]
            doomed = [task for task in calls if random.random() < 0.4]
            for task in doomed:
                asyncio.get_running_loop().call_later(
                    random.uniform(0, 10), task.cancel
                )
            outcomes = await asyncio.gather(*calls, return_exceptions=True)
            for task, outcome in zip(calls, outcomes, strict=True):
                if isinstance(outcome, asyncio.CancelledError):
                    assert task in doomed
                else:
                    assert isinstance(outcome, HttpResponse)
                    assert outcome.attempts <= 2
            assert not under_way


@pytest.mark.parametrize("seconds", [0, -1, float("nan")])
def test_a_token_that_is_never_good_is_refused(seconds: float) -> None:
    with pytest.raises(ValueError, match="not a positive number"):
        AccessToken("t", expires_in=seconds)


def test_a_token_is_not_shown() -> None:
    assert repr(AccessToken("s3cret", 5)) == "AccessToken(expires_in=5)"


def test_its_error_survives_pickling() -> None:
    error = TokenRefreshError("No.", method="GET", url="http://h/", request_sent="yes")
    again = pickle.loads(pickle.dumps(error))
    assert (str(again), again.code) == (str(error), "http.token_refresh")
    assert again.request_sent == "yes"
