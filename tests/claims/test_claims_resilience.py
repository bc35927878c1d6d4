"""The claims about policies: which of them are taken, and what they do on the wire."""

import asyncio
import contextlib
from pathlib import Path

import pytest

from lexigram import Application
from lexigram.contracts.di import ModuleDefinition, bind
from lexigram.contracts.resilience import (
    CircuitBreakerRegistryProtocol,
    ResiliencePipelineProtocol,
    RetryPolicyProtocol,
)
from lexigram.contracts.web import (
    HTTPCircuitOpenError,
    HTTPClientProtocol,
    HTTPRetryExhaustedError,
)
from lexigram.http import HTTPClientConfig, HTTPModule
from lexigram.resilience import (
    CircuitBreakerConfig,
    CircuitBreakerRegistry,
    CircuitState,
    PipelineConfig,
    ResilienceConfig,
    ResilienceModule,
    ResiliencePipeline,
    RetryConfig,
    RetryPolicy,
    TimeoutsConfig,
)
from lexigram.testing import Fault, FaultServer, Reply, fault, virtual_time

pytestmark = pytest.mark.usefixtures("nowhere")


@pytest.fixture
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Run each test in an empty folder: no `application.yaml` but its own."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def policies(registered: str) -> ModuleDefinition:
    """Return a module that registers policies that can be told apart on the wire.

    A pipeline makes two attempts, a retry policy six, and a breaker opens at the fifth
    failure in a row.
    """
    pipeline = ResiliencePipeline.from_config(
        PipelineConfig(retry=RetryConfig(max_attempts=2), breaker=None)
    )
    retry = RetryPolicy(RetryConfig(max_attempts=6, budget=None))
    breakers = CircuitBreakerRegistry(CircuitBreakerConfig(consecutive_failures=5))
    bindings = {
        "pipeline": bind(ResiliencePipelineProtocol).to_value(pipeline),
        "retry": bind(RetryPolicyProtocol).to_value(retry),
        "breakers": bind(CircuitBreakerRegistryProtocol).to_value(breakers),
    }
    chosen = tuple(bindings[kind] for kind in registered.split())
    return ModuleDefinition(
        name="PoliciesModule",
        providers=chosen,
        exports=tuple(binding.key for binding in chosen),
    )


@pytest.mark.parametrize(
    ("registered", "attempts", "refused"),
    [
        ("pipeline retry breakers", [2, 2, 2, 2], False),
        ("pipeline", [2, 2, 2, 2], False),
        ("retry breakers", [5, 0, 0, 0], True),
        ("retry", [6, 6, 6, 6], False),
        ("breakers", [3, 2, 0, 0], True),  # around each attempt of the built-in retry
        ("", [3, 3, 3, 3], False),
    ],
)
async def test_c23_a_pipeline_goes_before_a_retry_policy_and_that_before_the_built_in(
    registered: str, attempts: list[int], *, refused: bool
) -> None:
    modules = [HTTPModule.configure(), policies(registered)]
    made: list[int] = []
    async with (
        virtual_time(),
        FaultServer.run() as server,
        Application.boot(modules=modules) as app,
    ):
        client = await app.resolve(HTTPClientProtocol)
        server.on.get("/v1").respond(503)
        was_refused = False
        for _ in attempts:
            before = len(server.calls)
            try:
                await client.get(f"{server.base_url}/v1")
            except HTTPCircuitOpenError:
                was_refused = True
            made.append(len(server.calls) - before)
    assert (made, was_refused) == (attempts, refused)


async def test_c23_the_breaker_of_a_registry_is_the_one_named_http_default() -> None:
    breakers = CircuitBreakerRegistry()
    module = ModuleDefinition(
        name="BreakersModule",
        providers=(bind(CircuitBreakerRegistryProtocol).to_value(breakers),),
        exports=(CircuitBreakerRegistryProtocol,),
    )
    async with (
        FaultServer.run() as server,
        Application.boot(modules=[HTTPModule.configure(), module]) as app,
    ):
        client = await app.resolve(HTTPClientProtocol)
        server.on.get("/v1").respond(200)
        assert await client.get(f"{server.base_url}/v1")
        assert list(breakers.snapshot()) == ["http-default"]
        assert list(breakers.snapshot()["http-default"]) == [server.base_url]


@pytest.mark.parametrize("where", ["file", "code"])
async def test_c24_attempts_back_off_and_statuses_come_from_the_file_and_from_code(
    where: str, nowhere: Path
) -> None:
    http = None
    if where == "file":
        (nowhere / "application.yaml").write_text(
            "resilience: {retry: "
            "{max_attempts: 4, base_delay: 1, max_delay: 3, jitter: none}}\n"
            "http: {retry_statuses: [418, 503]}\n"
        )
        config = ResilienceConfig(timeouts=TimeoutsConfig(attempt=5))
    else:
        config = ResilienceConfig(
            timeouts=TimeoutsConfig(attempt=5),
            retry=RetryConfig(max_attempts=4, base_delay=1, max_delay=3, jitter="none"),
        )
        http = HTTPClientConfig(retry_statuses=frozenset({418, 503}))
    modules = [HTTPModule.configure(http), ResilienceModule.configure(config)]
    async with (
        virtual_time() as clock,
        FaultServer.run() as server,
        Application.boot(modules=modules) as app,
    ):
        client = await app.resolve(HTTPClientProtocol)
        server.on.get("/{status}").handle(lambda r: Reply(int(r.path_params["status"])))
        attempts = {
            status: (
                await client.request("GET", f"{server.base_url}/{status}")
            ).attempts
            for status in (418, 503, 500)
        }
        assert attempts == {418: 4, 503: 4, 500: 1}
        assert clock.sleeps == [1, 2, 3, 1, 2, 3]


RESILIENT = ResilienceConfig(
    timeouts=TimeoutsConfig(total=30, attempt=2),
    breaker=CircuitBreakerConfig(
        minimum_calls=4, window=10, open_duration=10, half_open_permits=1
    ),
)


@pytest.mark.parametrize(
    "failing",
    [Reply(500), Reply(503), fault.close(), fault.reset(), fault.hang()],
    ids=["500", "503", "closed", "reset", "hangs"],
)
async def test_c25_the_breaker_opens_rejects_and_recovers_by_itself_per_upstream(
    failing: Reply | Fault,
) -> None:
    modules = [HTTPModule.configure(), ResilienceModule.configure(RESILIENT)]
    async with (
        virtual_time() as clock,
        FaultServer.run() as one,
        FaultServer.run() as two,
        Application.boot(modules=modules) as app,
    ):
        client = await app.resolve(HTTPClientProtocol)
        one.on.get("/v1").respond(200)
        two.on.get("/v1").respond(200)
        url = f"{one.base_url}/v1"
        async with one.outage(failing):
            # One call fails, or answers with its third failure; the fourth failure opens
            # the circuit, and the retry of the second call goes no further.
            with contextlib.suppress(HTTPRetryExhaustedError):
                assert (await client.get(url)).is_err()
            with pytest.raises(HTTPCircuitOpenError):
                await client.get(url)
            assert len(one.calls) == 4

            before = clock.elapsed
            with pytest.raises(HTTPCircuitOpenError) as refused:
                await client.get(url)
            assert (len(one.calls), clock.elapsed) == (4, before)
            assert refused.value.request_sent == "no"
            assert (await client.get(f"{two.base_url}/v1")).is_ok()
        await asyncio.sleep(10)
        assert (await client.get(url)).is_ok()
        breakers = await app.resolve(CircuitBreakerRegistryProtocol)
        assert isinstance(breakers, CircuitBreakerRegistry)
        circuit = breakers.snapshot()["default"][one.base_url]
        assert circuit.state is CircuitState.CLOSED


async def test_c25_an_upstream_that_answers_as_it_should_is_not_left_alone() -> None:
    modules = [HTTPModule.configure(), ResilienceModule.configure(RESILIENT)]
    async with FaultServer.run() as server, Application.boot(modules=modules) as app:
        client = await app.resolve(HTTPClientProtocol)
        server.on.get("/v1").respond(404)
        for _ in range(20):
            await client.get(f"{server.base_url}/v1")
        assert len(server.calls) == 20
