"""Timelines of attempts: every other table compares theirs as well."""

from collections.abc import Mapping
from random import Random
from typing import Any

from lexigram.contracts.clock import SystemClock
from lexigram.contracts.web import (
    HTTPClientProtocol,
    InterceptorProtocol,
    Proceed,
    RequestContext,
    ResponseContext,
)
from lexigram.http.retry import BuiltinRetry
from lexigram.resilience import (
    HedgeConfig,
    PipelineConfig,
    ResiliencePipeline,
    RetryConfig,
    TimeoutsConfig,
)
from lexigram.testing import Reply, fault
from lexigram.testing.conformance import Backend, Scenario


class Twice(InterceptorProtocol):
    """Sends everything twice."""

    def __init__(self, scope: str) -> None:
        self.scope = scope

    async def around(
        self, request: RequestContext, proceed: Proceed, /
    ) -> ResponseContext:
        await proceed(request)
        return await proceed(request)


def builtin() -> Mapping[str, Any]:
    return {"retry_policy": BuiltinRetry(SystemClock(), Random(7))}


def twice(scope: str) -> Mapping[str, Any]:
    return {"interceptors": (Twice(scope),), **builtin()}


def cutting(**sections: Any) -> Mapping[str, Any]:
    config = PipelineConfig(timeouts=TimeoutsConfig(total=8, attempt=2), **sections)
    return {"resilience": ResiliencePipeline.from_config(config, random=Random(7))}


async def a_long_story(client: HTTPClientProtocol, backend: Backend) -> None:
    backend.on.get("/a").sequence(
        Reply(503), Reply(307, headers={"Location": "/b?token=x"}, delay=1)
    )
    backend.on.get("/b").sequence(
        fault.reset(),
        Reply(429, headers={"Retry-After": "1.5"}),
        Reply(500, delay=0.25),
    )
    await client.get(f"{backend.base_url}/a")


async def a_late_success(client: HTTPClientProtocol, backend: Backend) -> None:
    backend.on.get("/a").sequence(fault.reset(), Reply(200))
    await client.get(f"{backend.base_url}/a")


async def a_bad_answer(client: HTTPClientProtocol, backend: Backend) -> None:
    backend.on.get("/a").respond(422)
    await client.get(f"{backend.base_url}/a")


async def only_silence(client: HTTPClientProtocol, backend: Backend) -> None:
    backend.on.get("/a").fail(fault.hang())
    await client.get(f"{backend.base_url}/a")


async def a_race(client: HTTPClientProtocol, backend: Backend) -> None:
    backend.on.get("/a").sequence(fault.hang(), Reply(409))
    await client.get(f"{backend.base_url}/a")


SCENARIOS = [
    Scenario(run=a_long_story, wiring=builtin),
    Scenario(run=a_late_success, wiring=builtin),
    Scenario(run=a_bad_answer),
    Scenario(
        run=a_bad_answer, wiring=lambda: twice("call"), name="a bad answer to two calls"
    ),
    Scenario(
        run=a_bad_answer,
        wiring=lambda: twice("attempt"),
        name="a bad answer to two attempts",
    ),
    Scenario(run=only_silence, wiring=cutting, name="attempts cut by a pipeline"),
    Scenario(
        run=only_silence,
        wiring=lambda: cutting(retry=None),
        name="an attempt cut by a pipeline for good",
    ),
    Scenario(
        run=a_race,
        wiring=lambda: cutting(retry=None, hedge=HedgeConfig(delay=1)),
    ),
    Scenario(
        run=a_race,
        wiring=lambda: cutting(
            retry=RetryConfig(max_attempts=2), hedge=HedgeConfig(delay=1)
        ),
        name="a race with a retry",
    ),
]
