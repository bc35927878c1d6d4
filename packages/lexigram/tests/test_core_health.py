"""What an application says of itself, from what its checks say."""

import asyncio
import gc
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Annotated, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lexigram import Application
from lexigram.contracts.di import ModuleDefinition, Named, bind, provide
from lexigram.contracts.health import (
    HealthCheckProtocol,
    HealthProbe,
    HealthReport,
    HealthStatus,
)
from lexigram.health import ApplicationHealth, CheckResult

STATUSES: tuple[HealthStatus, ...] = get_args(HealthStatus)


async def healthy() -> HealthReport:
    return HealthReport("healthy")


async def unhealthy() -> HealthReport:
    return HealthReport("unhealthy", "The disk is full.", {"free": 0})


class Check:
    """A check that answers readiness."""

    def __init__(
        self,
        look: Callable[[], Awaitable[HealthReport]] = healthy,
        *,
        name: str = "disk",
        critical: bool = True,
    ) -> None:
        self.look = look
        self.name = name
        self.critical = critical

    async def check(self) -> HealthReport:
        return await self.look()


class Probe(Check):
    """A check that answers what it is told to."""

    probe: HealthProbe = "liveness"


def application(*checks: Check) -> Application:
    return Application(
        ModuleDefinition(
            name="Test",
            providers=tuple(
                bind(named(number)).to_value(check)
                for number, check in enumerate(checks)
            ),
        )
    )


def named(number: int) -> type[HealthCheckProtocol]:
    key: type[HealthCheckProtocol] = Annotated[  # type: ignore[assignment]  # a form
        HealthCheckProtocol, Named(str(number))
    ]
    return key


async def health_of(*checks: Check, within: float = 5.0) -> ApplicationHealth:
    async with application(*checks) as app:
        return await asyncio.wait_for(app.health(within=within), 10)


async def test_an_application_without_checks_is_healthy_while_it_runs() -> None:
    app = application()

    before = await app.health()
    async with app:
        running = await app.health()
    after = await app.health()

    assert (before.state, before.status, before.startup) == (
        "new",
        "unhealthy",
        "unhealthy",
    )
    assert (running.state, running.status) == ("running", "healthy")
    assert (after.state, after.readiness) == ("stopped", "unhealthy")
    assert before.liveness == after.liveness == "healthy"


async def test_every_registered_check_is_asked_with_a_name_or_without() -> None:
    definition = ModuleDefinition(
        name="Test",
        providers=(
            bind(HealthCheckProtocol).to_value(Check(name="plain")),
            bind(named(1)).to_value(Check(name="named")),
        ),
    )
    async with Application(definition) as app:
        health = await app.health()

    assert [one.name for one in health.checks] == ["plain", "named"]


async def test_checks_are_asked_together() -> None:
    barrier = asyncio.Barrier(3)

    async def meet() -> HealthReport:
        await barrier.wait()
        return HealthReport("healthy")

    health = await health_of(Check(meet), Check(meet), Check(meet))

    assert health.status == "healthy"


async def test_a_critical_check_makes_the_application_unready_and_no_more() -> None:
    health = await health_of(Check(unhealthy), Check())

    assert (health.status, health.readiness) == ("unhealthy", "unhealthy")
    assert (health.liveness, health.startup) == ("healthy", "healthy")


async def test_a_check_that_is_not_critical_only_degrades() -> None:
    health = await health_of(Check(unhealthy, critical=False), Check())

    assert (health.status, health.readiness) == ("degraded", "degraded")
    assert health.checks[0].report.status == "unhealthy"


@pytest.mark.parametrize("probe", get_args(HealthProbe))
async def test_a_check_answers_the_question_it_names(probe: HealthProbe) -> None:
    check = Probe(unhealthy)
    check.probe = probe

    health = await health_of(check)

    assert {
        "liveness": health.liveness,
        "readiness": health.readiness,
        "startup": health.startup,
    } == dict.fromkeys(get_args(HealthProbe), "healthy") | {probe: "unhealthy"}


async def test_a_check_that_raises_is_unhealthy_with_its_reason() -> None:
    async def fail() -> HealthReport:
        raise OSError("refused, token=s3cret")

    (one,) = (await health_of(Check(fail))).checks

    assert one.report == HealthReport("unhealthy", "OSError: refused, token=***")


async def test_a_check_that_is_cancelled_by_itself_is_unhealthy() -> None:
    async def give_up() -> HealthReport:
        raise asyncio.CancelledError

    (one,) = (await health_of(Check(give_up))).checks

    assert one.report == HealthReport("unhealthy", "Was cancelled.")


async def test_a_check_that_hangs_is_cancelled_and_unhealthy_and_the_others_count() -> (
    None
):
    ended = asyncio.Event()

    async def hang() -> HealthReport:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()
        return HealthReport("healthy")

    hanging, other = (await health_of(Check(hang), Check(), within=0.01)).checks

    assert hanging.report == HealthReport("unhealthy", "Did not answer within 0.01 s.")
    assert hanging.name == "disk"
    assert other.status == "healthy"
    assert ended.is_set()


@pytest.mark.parametrize("fails", [False, True])
async def test_a_check_that_ignores_its_cancellation_is_left_behind(
    fails: bool,  # noqa: FBT001 - a parameter of the test
    caplog: pytest.LogCaptureFixture,
) -> None:
    release, done = asyncio.Event(), asyncio.Event()

    async def stubborn() -> HealthReport:
        while not release.is_set():
            try:
                await release.wait()
            except asyncio.CancelledError:
                continue
        done.set()
        if fails:
            raise OSError("nobody hears this")
        return HealthReport("healthy")

    (one,) = (await health_of(Check(stubborn), within=0.01)).checks

    assert one.report.detail == "Did not answer within 0.01 s."
    release.set()
    await asyncio.wait_for(done.wait(), 10)
    await asyncio.sleep(0)
    gc.collect()
    # What other tests left behind may be collected here as well.
    assert "nobody hears this" not in caplog.text


async def test_whoever_cancels_the_question_cancels_the_checks() -> None:
    asked, ended = asyncio.Event(), asyncio.Event()

    async def hang() -> HealthReport:
        try:
            asked.set()
            await asyncio.Event().wait()
        finally:
            ended.set()
        return HealthReport("healthy")

    async with application(Check(hang)) as app:
        question = asyncio.create_task(app.health())
        await asyncio.wait_for(asked.wait(), 10)
        question.cancel()
        with pytest.raises(asyncio.CancelledError):
            await question
        await asyncio.wait_for(ended.wait(), 10)


async def test_readiness_is_off_before_anything_is_torn_down() -> None:
    seen: list[ApplicationHealth] = []

    async def watched() -> AsyncIterator[int]:
        yield 1
        seen.append(await app.health())

    app = Application(
        ModuleDefinition(name="Test", providers=(watched, bind(named(1)).to(Check)))
    )
    async with app:
        assert (await app.health()).readiness == "healthy"

    (last,) = seen
    assert (last.state, last.checks) == ("stopping", ())
    assert (last.readiness, last.startup, last.liveness) == (
        "unhealthy",
        "healthy",
        "healthy",
    )


async def test_a_check_that_cannot_be_resolved_is_unhealthy_with_the_reason() -> None:
    def scoped() -> HealthCheckProtocol:
        return Check()

    definition = ModuleDefinition(
        name="Test", providers=(provide(scoped, scope="scoped"),)
    )
    async with Application(definition) as app:
        (one,) = (await app.health()).checks

    assert one.name == "HealthCheckProtocol"
    assert one.status == "unhealthy"
    assert one.report.detail.startswith("NotRegisteredError: `HealthCheckProtocol`")


async def test_an_override_stands_in_for_a_check() -> None:
    app = application(Check(unhealthy))

    with app.override(named(0)).to(Check()):
        async with app:
            assert (await app.health()).status == "healthy"


async def test_health_is_told_as_json() -> None:
    health = await health_of(Check(unhealthy, critical=False))

    assert json.loads(json.dumps(health.as_dict())) == {
        "status": "degraded",
        "state": "running",
        "liveness": "healthy",
        "startup": "healthy",
        "readiness": "degraded",
        "checks": {
            "disk": {
                "status": "degraded",
                "probe": "readiness",
                "critical": False,
                "detail": "The disk is full.",
                "data": {"free": 0},
            }
        },
    }


results = st.builds(
    CheckResult,
    name=st.just("any"),
    probe=st.sampled_from(get_args(HealthProbe)),
    critical=st.booleans(),
    report=st.builds(HealthReport, st.sampled_from(STATUSES)),
)


@given(st.lists(results))
def test_the_whole_is_as_good_as_its_worst_check_and_only_critical_ones_break_it(
    checks: list[CheckResult],
) -> None:
    health = ApplicationHealth("running", tuple(checks))
    found = {one.report.status for one in checks}
    broken = any(one.critical and one.report.status == "unhealthy" for one in checks)

    assert (health.status == "unhealthy") == broken
    assert (health.status == "healthy") == (found <= {"healthy"})
    for probe in ("liveness", "startup", "readiness"):
        alone = [one for one in checks if one.probe == probe]
        expected = ApplicationHealth("running", tuple(alone)).status
        assert getattr(health, probe) == expected
