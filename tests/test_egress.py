"""What policies make of a call that the egress policy refuses, and a whole application."""

from random import Random

from lexigram import Application
from lexigram.contracts.web import HTTPBlockedError, HTTPClientProtocol
from lexigram.http import HTTPClient, HTTPClientConfig, HTTPModule
from lexigram.resilience import PipelineConfig, ResiliencePipeline, RetryConfig
from lexigram.testing import FakeHTTPClient, FaultServer

REFUSED = "http://10.0.0.5/v1"


async def test_refused_calls_are_made_once_and_open_no_breaker() -> None:
    retry = RetryConfig(base_delay=0, max_delay=0)
    pipeline = ResiliencePipeline.from_config(
        PipelineConfig(retry=retry), random=Random(1)
    )
    config = HTTPClientConfig.model_validate({"egress": {"addresses": "public_only"}})
    async with HTTPClient(config, resilience=pipeline) as client:
        for _ in range(50):
            error = (await client.get(REFUSED)).unwrap_err()
            assert isinstance(error, HTTPBlockedError)
            assert error.attempts == 1
    breaker = pipeline.policies.breaker
    assert breaker is not None
    assert [one.failures for one in breaker.snapshot().values()] == [0]


async def test_a_module_may_be_told_where_calls_lead() -> None:
    config = HTTPClientConfig.model_validate({"egress": {"addresses": "public_only"}})
    async with FaultServer.run() as server:
        server.on.get("/v1").respond()
        url = f"{server.base_url}/v1"
        for module, allowed in (
            (HTTPModule.configure(config), False),
            (HTTPModule.stub(egress="public_only"), False),
            (HTTPModule.stub(egress="loopback"), True),
        ):
            async with Application.boot(module) as app:
                client = await app.resolve(HTTPClientProtocol)
                assert (await client.get(url)).is_ok() is allowed


async def test_a_fake_connects_to_nothing_and_is_told_what_to_refuse() -> None:
    fake = FakeHTTPClient()
    fake.on.get(REFUSED).fail(HTTPBlockedError("The policy forbids it."))
    async with fake:
        assert isinstance((await fake.get(REFUSED)).unwrap_err(), HTTPBlockedError)
