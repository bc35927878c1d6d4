"""The test bed: applications of the core with fakes in the place of bindings."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Annotated, TypeVar

import pytest

from lexigram.application import ApplicationStateError
from lexigram.contracts.clock import ClockProtocol, SystemClock
from lexigram.contracts.di import ModuleDefinition, bind
from lexigram.contracts.resilience import Call, CircuitBreakerRegistryProtocol
from lexigram.contracts.web import (
    HTTPClientProtocol,
    HTTPConnectionError,
    HTTPTimeoutError,
)
from lexigram.di import Named, NotRegisteredError
from lexigram.di.module import Module, module
from lexigram.http import HTTPModule
from lexigram.resilience import ResilienceModule
from lexigram.testing import (
    FakeHTTPClient,
    LogCapture,
    Reply,
    TestBed,
    UnmatchedRequest,
    VerificationError,
    fault,
)

T = TypeVar("T")


class Shop:
    def __init__(self, client: HTTPClientProtocol) -> None:
        self._client = client

    async def stock(self) -> int:
        response = (await self._client.get("/v1/stock", timeout=0.05)).unwrap()
        return int(response.json["items"])


class Both:
    def __init__(
        self,
        main: HTTPClientProtocol,
        partner: Annotated[HTTPClientProtocol, Named("partner")],
    ) -> None:
        self.clients = (main, partner)


class Report:
    """Needs no client."""


@module(imports=[HTTPModule.stub()], providers=[Shop, Report])
class ShopModule(Module):
    pass


def stocked() -> FakeHTTPClient:
    fake = FakeHTTPClient()
    fake.on.get("/v1/stock").respond(json={"items": 3})
    return fake


def bed_with(fake: FakeHTTPClient) -> TestBed:
    return TestBed(ShopModule).override(HTTPClientProtocol).to(fake)


async def test_the_application_runs_on_the_fake() -> None:
    async with bed_with(stocked()) as bed:
        shop = await bed.get(Shop)
        assert await shop.stock() == 3


async def test_what_the_application_logs_can_be_asserted() -> None:
    with LogCapture() as logs:
        async with bed_with(FakeHTTPClient()):
            pass
    logs.assert_logged("application.started", modules=["HTTPModule", "ShopModule"])


async def test_what_the_fake_complains_of_fails_the_block() -> None:
    with pytest.raises(VerificationError, match="GET /v1/stock .*called 0x"):
        async with bed_with(stocked()) as bed:
            await bed.get(Shop)


async def test_a_block_that_failed_keeps_its_failure_and_gets_a_note() -> None:
    with pytest.raises(OSError, match="the block") as caught:
        async with bed_with(stocked()):
            raise OSError("the block")
    assert len(caught.value.__notes__) == 1
    assert "called 0x" in caught.value.__notes__[0]


async def test_an_unmatched_request_is_told_once() -> None:
    with pytest.raises(UnmatchedRequest) as caught:
        async with bed_with(FakeHTTPClient()) as bed:
            await (await bed.get(Shop)).stock()
    assert not hasattr(caught.value, "__notes__")


async def test_a_fake_is_verified_as_strictly_as_it_was_made() -> None:
    fake = FakeHTTPClient(strict="lenient")
    fake.on.get("/v1/never-called")
    async with bed_with(fake):
        pass


class Verified(SystemClock):
    """A fake of somebody else's, with a verdict."""

    def __init__(self) -> None:
        self.verdicts = 0

    def verify(self) -> None:
        self.verdicts += 1
        raise AssertionError("The clock stood still.")


class VerifiedLater(SystemClock):
    async def verify(self) -> None:
        await asyncio.sleep(0)
        raise AssertionError("The clock stood still.")


class Watch:
    def __init__(self, clock: ClockProtocol) -> None:
        self.clock = clock


def watches() -> ModuleDefinition:
    clock = bind(ClockProtocol).to(SystemClock)
    return ModuleDefinition(name="Watches", providers=(clock, Watch))


@pytest.mark.parametrize("fake", [Verified(), VerifiedLater()])
async def test_any_override_with_a_verify_is_verified(fake: SystemClock) -> None:
    with pytest.raises(AssertionError, match=r"^The clock stood still\.$"):
        async with TestBed(watches()).override(ClockProtocol).to(fake):
            pass


async def test_every_override_is_verified_though_another_failed() -> None:
    fake = stocked()
    bed = TestBed(ShopModule, watches()).override(HTTPClientProtocol).to(fake)
    with pytest.raises(VerificationError) as caught:
        async with bed.override(ClockProtocol).to(Verified()):
            pass
    assert caught.value.__notes__ == ["The clock stood still."]


async def test_fakes_are_verified_after_the_teardown_has_used_them() -> None:
    async def session(client: HTTPClientProtocol) -> AsyncIterator[Report]:
        yield Report()
        await client.post("/v1/logout")

    fake = FakeHTTPClient()
    route = fake.on.post("/v1/logout")
    bed = TestBed(HTTPModule.stub(), ModuleDefinition(name="M", providers=(session,)))
    async with bed.override(HTTPClientProtocol).to(fake):
        pass
    route.assert_called(1)


async def test_an_unmatched_request_of_a_teardown_does_not_stop_the_others() -> None:
    torn_down: list[str] = []

    def first() -> Iterator[Report]:
        yield Report()
        torn_down.append("first")

    async def second(
        client: HTTPClientProtocol, report: Report
    ) -> AsyncIterator[Annotated[str, Named("session")]]:
        yield "session"
        await client.post("/v1/logout")

    definition = ModuleDefinition(name="M", providers=(first, second))
    bed = TestBed(HTTPModule.stub(), definition)
    with pytest.raises(BaseExceptionGroup) as caught:
        async with bed.override(HTTPClientProtocol).to(FakeHTTPClient()):
            pass
    assert caught.value.subgroup(UnmatchedRequest)
    assert torn_down == ["first"]


async def test_a_fake_for_two_keys_is_verified_once() -> None:
    named = Annotated[HTTPClientProtocol, Named("partner")]
    partner = bind(named).to_value(FakeHTTPClient())
    definition = ModuleDefinition(name="M", providers=(partner, Both))
    fake = stocked()
    bed = TestBed(HTTPModule.stub(), definition)
    bed.override(HTTPClientProtocol).to(fake).override(named).to(fake)
    with pytest.raises(VerificationError) as caught:
        async with bed:
            pass
    assert not hasattr(caught.value, "__notes__")


async def test_a_teardown_that_fails_is_told_together_with_the_rest() -> None:
    async def broken() -> AsyncIterator[Report]:
        yield Report()
        raise OSError("disk")

    definition = ModuleDefinition(name="M", providers=(broken, *watches().providers))
    with pytest.raises(ExceptionGroup) as caught:
        async with TestBed(definition).override(ClockProtocol).to(Verified()):
            pass
    assert caught.value.subgroup(OSError)
    assert caught.value.__notes__[-1] == "The clock stood still."


async def test_an_override_that_nothing_asked_for_fails_the_block() -> None:
    clock = bind(ClockProtocol).to(SystemClock)
    bed = TestBed(ModuleDefinition(name="Clocks", providers=(clock,)))
    with pytest.raises(AssertionError) as caught:
        async with bed.override(ClockProtocol).to(SystemClock()):
            pass
    first, second, _ = str(caught.value).splitlines()
    assert first == "Nothing asked for these overrides:"
    assert second.startswith("  ClockProtocol (")
    assert "test_test_bed.py:" in second


async def test_an_unused_override_is_only_a_note_of_a_failure() -> None:
    clock = bind(ClockProtocol).to(SystemClock)
    bed = TestBed(ModuleDefinition(name="Clocks", providers=(clock,)))
    with pytest.raises(OSError, match="the block") as caught:
        async with bed.override(ClockProtocol).to(SystemClock()):
            raise OSError("the block")
    assert caught.value.__notes__[0].startswith("Nothing asked for these overrides:")


async def test_a_bed_that_is_not_strict_lets_overrides_be_unused() -> None:
    clock = bind(ClockProtocol).to(SystemClock)
    bed = TestBed(ModuleDefinition(name="Clocks", providers=(clock,)), strict=False)
    async with bed.override(ClockProtocol).to(SystemClock()):
        with pytest.raises(AssertionError, match="Nothing asked"):
            bed.assert_all_overrides_used()
        await bed.get(ClockProtocol)
        bed.assert_all_overrides_used()


async def test_the_last_override_of_a_key_counts_and_the_one_before_is_forgotten() -> (
    None
):
    first = FakeHTTPClient()
    first.on.get("/v1/never-called")
    bed = bed_with(first).override(HTTPClientProtocol).to(stocked())
    async with bed:
        assert await (await bed.get(Shop)).stock() == 3


async def test_an_override_after_the_start_is_refused_and_says_why() -> None:
    async with bed_with(FakeHTTPClient()) as bed:
        with pytest.raises(ApplicationStateError, match="keeps what it was given"):
            bed.override(HTTPClientProtocol).to(stocked())


async def test_an_override_of_nothing_is_answered_with_the_nearest_key() -> None:
    class Shops:
        pass

    bed = TestBed(ShopModule).override(Shops).to(Shops())
    with pytest.raises(NotRegisteredError, match=r"test_test_bed\.py.*`Shop`"):
        await bed.__aenter__()


async def test_a_key_that_is_not_registered_is_answered_with_the_nearest() -> None:
    async with bed_with(FakeHTTPClient(strict="lenient")) as bed:
        with pytest.raises(NotRegisteredError, match="HTTPClientProtocol"):
            await bed.get(Annotated[HTTPClientProtocol, Named("partner")])


async def test_two_beds_share_nothing() -> None:
    one, other = FakeHTTPClient(), FakeHTTPClient()
    one.on.get("/v1/stock").respond(json={"items": 1})
    other.on.get("/v1/stock").respond(json={"items": 2})
    async with bed_with(one) as first, bed_with(other) as second:
        assert await (await first.get(Shop)).stock() == 1
        assert await (await second.get(Shop)).stock() == 2


async def test_a_bed_may_be_entered_again() -> None:
    bed = bed_with(stocked())
    for _ in range(2):
        async with bed:
            assert await (await bed.get(Shop)).stock() == 3


async def test_the_application_itself_is_at_hand() -> None:
    async with bed_with(FakeHTTPClient()) as bed, bed.app.scope() as scope:
        assert isinstance(await scope.resolve(Report), Report)
    assert repr(bed) == "<TestBed of <Application stopped>, 1 overrides>"


async def test_a_dependency_hangs_for_a_block() -> None:
    async with bed_with(stocked()) as bed:
        shop = await bed.get(Shop)
        async with bed.faults(HTTPClientProtocol).hang() as route:
            with pytest.raises(Exception) as caught:  # noqa: PT011 - the cause tells
                await shop.stock()
        assert isinstance(caught.value.__cause__, HTTPTimeoutError)
        assert len(route.calls) == 1
        assert await shop.stock() == 3


async def test_a_dependency_fails_for_a_block() -> None:
    async with bed_with(stocked()) as bed:
        client = await bed.get(HTTPClientProtocol)
        async with bed.faults(HTTPClientProtocol).fail(fault.reset()):
            result = await client.get("/anything")
            assert isinstance(result.unwrap_err(), HTTPConnectionError)
        assert (await client.get("/v1/stock")).is_ok()


@pytest.mark.parametrize("reply", [503, Reply(503)])
async def test_a_dependency_answers_alike_for_a_block(reply: int | Reply) -> None:
    async with bed_with(stocked()) as bed:
        client = await bed.get(HTTPClientProtocol)
        async with bed.faults(HTTPClientProtocol).respond(reply):
            for method, url in (("GET", "/v1/stock"), ("POST", "https://a.test/x?y")):
                assert (await client.request(method, url)).status == 503
        assert (await client.get("/v1/stock")).is_ok()


async def test_a_reply_takes_parts_or_comes_whole() -> None:
    async with bed_with(FakeHTTPClient()) as bed:
        client = await bed.get(HTTPClientProtocol)
        faults = bed.faults(HTTPClientProtocol)
        async with faults.respond(429, json={"a": 1}, headers={"Retry-After": "2"}):
            response = await client.request("GET", "/")
        assert (response.json, response.headers["Retry-After"]) == ({"a": 1}, "2")
        with pytest.raises(TypeError, match="not both"):
            faults.respond(Reply(503), text="no")


async def test_a_fault_wins_over_routes_that_are_registered_within() -> None:
    fake = FakeHTTPClient(strict="lenient")
    async with bed_with(fake) as bed:
        async with bed.faults(HTTPClientProtocol).respond(503):
            fake.on.get("/v1/stock").respond(json={"items": 1})
            assert (await fake.request("GET", "/v1/stock")).status == 503
        assert (await fake.request("GET", "/v1/stock")).status == 200


async def test_a_fault_ends_with_a_block_that_fails() -> None:
    async with bed_with(stocked()) as bed:
        with pytest.raises(OSError, match="the block"):
            async with bed.faults(HTTPClientProtocol).hang():
                raise OSError("the block")
        assert await (await bed.get(Shop)).stock() == 3


async def test_two_faults_of_one_dependency_at_once_are_refused() -> None:
    async with bed_with(FakeHTTPClient()) as bed:
        faults = bed.faults(HTTPClientProtocol)
        async with faults.respond(503):
            with pytest.raises(RuntimeError, match="has an outage already"):
                async with faults.hang():
                    pass
            client = await bed.get(HTTPClientProtocol)
            assert (await client.request("GET", "/")).status == 503


async def test_a_fault_of_one_dependency_leaves_the_others_alone() -> None:
    named = Annotated[HTTPClientProtocol, Named("partner")]
    bed = TestBed(
        HTTPModule.stub(),
        ModuleDefinition(
            name="Two", providers=(bind(named).to_value(FakeHTTPClient()), Both)
        ),
    )
    bed.override(HTTPClientProtocol).to(stocked())
    async with bed.override(named).to(stocked()):
        main, partner = (await bed.get(Both)).clients
        async with bed.faults(HTTPClientProtocol, name="partner").respond(503):
            assert (await partner.request("GET", "/v1/stock")).status == 503
            assert (await main.request("GET", "/v1/stock")).status == 200
        assert (await partner.request("GET", "/v1/stock")).status == 200


async def test_what_is_not_overridden_cannot_be_broken() -> None:
    async with bed_with(FakeHTTPClient()) as bed:
        with pytest.raises(
            LookupError,
            match=r"`ClockProtocol` is not overridden.*mean 'HTTPClientProtocol'\?",
        ):
            bed.faults(ClockProtocol)


async def test_only_a_fake_client_can_be_broken() -> None:
    bed = TestBed(watches()).override(ClockProtocol).to(SystemClock())
    async with bed:
        with pytest.raises(TypeError, match="only a `FakeHTTPClient` can be broken"):
            bed.faults(ClockProtocol)


async def test_nothing_is_broken_before_the_start() -> None:
    bed = bed_with(FakeHTTPClient())
    with pytest.raises(ApplicationStateError):
        async with bed.faults(HTTPClientProtocol).hang():
            pass


class Breaker:
    """A breaker that can be reset, which the contract does not ask for."""

    def __init__(self) -> None:
        self.resets = 0

    async def call(
        self, operation: Callable[[], Awaitable[T]], call: Call[T] | None = None
    ) -> T:
        return await operation()

    def reset(self) -> None:
        self.resets += 1


class Registry:
    def __init__(self) -> None:
        self.breakers: dict[str, Breaker] = {}

    def get(self, name: str) -> Breaker:
        return self.breakers.setdefault(name, Breaker())

    def names(self) -> tuple[str, ...]:
        return tuple(self.breakers)


async def test_circuit_breakers_begin_anew_after_a_fault() -> None:
    registry = Registry()
    registry.get("inventory")
    breakers = bind(CircuitBreakerRegistryProtocol).to_value(registry)
    bed = TestBed(ShopModule, ModuleDefinition(name="B", providers=(breakers,)))
    async with bed.override(HTTPClientProtocol).to(FakeHTTPClient()):
        async with bed.faults(HTTPClientProtocol).respond(503):
            assert [b.resets for b in registry.breakers.values()] == [0, 0]
        assert [b.resets for b in registry.breakers.values()] == [1, 1]
        assert list(registry.breakers) == ["inventory", "http-default"]


async def test_breakers_that_cannot_be_reset_are_let_be() -> None:
    class Plain:
        def get(self, name: str) -> Breaker:
            return Breaker()

    breakers = bind(CircuitBreakerRegistryProtocol).to_value(Plain())
    bed = TestBed(ShopModule, ModuleDefinition(name="B", providers=(breakers,)))
    async with (
        bed.override(HTTPClientProtocol).to(FakeHTTPClient()),
        bed.faults(HTTPClientProtocol).respond(503),
    ):
        pass


async def test_a_description_names_modules_overrides_and_the_parts_of_http() -> None:
    bed = TestBed(ShopModule, ResilienceModule.configure())
    async with bed.override(HTTPClientProtocol).to(FakeHTTPClient()):
        text = await bed.describe()
    lines = text.splitlines()
    assert lines[:5] == [
        "modules",
        "  HTTPModule",
        "  ShopModule",
        "  ResilienceModule",
        "overrides",
    ]
    assert lines[5].startswith("  HTTPClientProtocol (")
    assert "), used: <" in lines[5]
    assert lines[6] == "http"
    parts = [line.partition(":")[0].strip() for line in lines[7:]]
    assert parts == [
        "client",
        "pipeline",
        "retry",
        "breakers",
        "interceptors",
        "metrics",
        "clock",
    ]
    assert "pipeline: <ResiliencePipeline " in lines[8]
    assert lines[-1] == "  clock: not registered"


async def test_a_description_uses_no_override() -> None:
    clock = bind(ClockProtocol).to(SystemClock)
    bed = TestBed(ModuleDefinition(name="Clocks", providers=(clock,)), strict=False)
    async with bed.override(ClockProtocol).to(SystemClock()):
        assert "unused" in await bed.describe()
        assert "unused" in await bed.describe()


async def test_a_bed_without_anything_says_so() -> None:
    async with TestBed() as bed:
        assert (await bed.describe()).startswith("modules\n  none\noverrides\n  none\n")


def test_without_the_core_the_extra_is_named() -> None:
    code = (
        "import sys\n"
        "sys.modules['lexigram.application'] = None\n"
        "from lexigram.testing import TestBed\n"
        "try:\n"
        "    TestBed()\n"
        "except ModuleNotFoundError as error:\n"
        "    print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    )
    assert done.stdout == (
        "`TestBed` boots an application, which takes the core. Install it: "
        '`pip install "lexigram-testing[app]"`.\n'
    )


def test_the_bed_is_not_taken_for_a_test() -> None:
    assert not TestBed.__test__
