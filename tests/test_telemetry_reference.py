"""The reference of metrics and events lists what the code emits, and nothing else."""

import ast

import pytest
import telemetry_reference
from telemetry_reference import (
    REFERENCE,
    Emitted,
    emitted_events,
    emitted_metrics,
    explained,
    page,
)

from lexigram.contracts.resilience import Call
from lexigram.http import HTTPClient
from lexigram.resilience import ResiliencePipeline
from lexigram.resilience.events import Events
from lexigram.resilience.watching import MetricsListener
from lexigram.testing import FaultServer, InMemoryMetrics, Reply, virtual_time

pytestmark = pytest.mark.thorough


def test_the_reference_is_not_stale() -> None:
    assert REFERENCE.read_text() == page(), "Run tools/telemetry_reference.py --write."


@pytest.mark.parametrize(
    ("kind", "emitted"), [("metrics", emitted_metrics), ("events", emitted_events)]
)
def test_every_name_is_explained_and_every_one_that_is_explained_is_emitted(
    kind: str, emitted: object
) -> None:
    assert callable(emitted)
    assert {one.name for one in emitted()} == set(explained()[kind])


def test_names_are_found_however_they_are_written(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    module = ast.parse(
        "from logging import getLogger\n"
        "_log = getLogger('app')\n"
        "_PREFIX = 'app.'\n"
        "NAME = 'app.named'\n"
        "def f(self, recorder, kind):\n"
        "    self._count(f'{kind}.seen', {})\n"
        "    self._safely(recorder.gauge, NAME, 1)\n"
        "    recorder.histogram(kind, 1)\n"
        "    _log.info('app.said' , extra={})\n"
        "    _log.log(level, 'app.' + kind)\n"
    )
    monkeypatch.setattr(telemetry_reference, "_trees", lambda: {"app": module})
    assert emitted_metrics() == {
        Emitted("app.<kind>.seen", "counter"),
        Emitted("app.named", "gauge"),
    }
    assert emitted_events() == {
        Emitted("app.said", "app"),
        Emitted("app.<kind>", "app"),
    }


async def test_what_a_call_records_is_listed() -> None:
    metrics = InMemoryMetrics()
    pipeline = ResiliencePipeline.from_config(events=Events([MetricsListener(metrics)]))
    async with virtual_time(), FaultServer.run() as server:
        server.on.get("/").sequence(Reply(503), Reply(200))
        async with HTTPClient(resilience=pipeline, metrics=metrics) as client:
            await client.get(server.base_url)
        await pipeline.execute(_nothing, Call(key="other"))
    recorded = {sample.name for sample in metrics._samples}
    assert {"http.request.status", "lexigram.resilience.retry.attempts"} <= recorded
    assert recorded <= {one.name for one in emitted_metrics()}


async def _nothing() -> None:
    """Succeed."""
