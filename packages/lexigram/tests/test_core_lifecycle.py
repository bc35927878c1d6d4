import asyncio
import logging
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Protocol

import pytest

from lexigram import Application
from lexigram.application import ApplicationStateError, BootTimeoutError
from lexigram.contracts.di import ContainerProtocol, ModuleDefinition
from lexigram.di import (
    ContainerClosedError,
    NotRegisteredError,
    TeardownTimeoutError,
    bind,
    provide,
)


class First:
    pass


class Second:
    pass


class Third:
    pass


def application(*providers: object, **options: float) -> Application:
    return Application(ModuleDefinition(name="Test", providers=providers), **options)  # type: ignore[arg-type]  # any provider


class Recorder:
    """Three singletons that need each other in a row, and what happens to them."""

    def __init__(self) -> None:
        self.events: list[str] = []

    async def first(self) -> AsyncIterator[First]:
        self.events.append("first up")
        yield First()
        self.events.append("first down")

    def second(self, first: First) -> Iterator[Second]:
        self.events.append("second up")
        yield Second()
        self.events.append("second down")

    async def third(self, second: Second) -> AsyncIterator[Third]:
        self.events.append("third up")
        yield Third()
        self.events.append("third down")


async def test_teardown_is_the_reverse_of_creation() -> None:
    recorder = Recorder()
    app = application(recorder.third, recorder.second, recorder.first)

    async with app:
        assert recorder.events == ["first up", "second up", "third up"]

    assert recorder.events[3:] == ["third down", "second down", "first down"]


async def test_start_and_stop_are_idempotent_and_may_be_repeated() -> None:
    recorder = Recorder()
    app = application(recorder.first)

    await app.stop()
    await app.start()
    await app.start()
    await app.stop()
    await app.stop()
    assert recorder.events == ["first up", "first down"]

    async with app:
        assert recorder.events[2:] == ["first up"]


async def test_an_application_is_stopped_by_another_task_than_started_it() -> None:
    async def grouped() -> AsyncIterator[First]:
        # A task group refuses to be left by a task that did not enter it.
        async with asyncio.TaskGroup() as group, asyncio.timeout(60):
            group.create_task(asyncio.sleep(0))
            yield First()

    app = application(grouped)

    await asyncio.create_task(app.start())
    await asyncio.create_task(app.stop())


async def test_a_boot_that_fails_half_way_unwinds_what_was_created_and_raises_the_same() -> (
    None
):
    recorder = Recorder()
    error = OSError("port taken")

    def broken(second: Second) -> int:
        raise error

    # The third comes after the one that fails: never created, never torn down.
    app = application(broken, recorder.third, recorder.second, recorder.first)
    assert repr(app) == "<Application new>"

    with pytest.raises(OSError, match="port taken") as caught:
        await app.start()

    assert caught.value is error
    assert "While building `" in error.__notes__[0]
    assert "broken` for Test (" in error.__notes__[0]
    assert recorder.events == ["first up", "second up", "second down", "first down"]
    assert repr(app) == "<Application stopped>"


async def test_a_generator_that_fails_before_its_yield_is_not_torn_down() -> None:
    events: list[str] = []

    async def broken() -> AsyncIterator[First]:
        try:
            if not events:
                raise OSError("no")
            yield First()
        finally:
            events.append("cleaned by itself")

    with pytest.raises(OSError, match="no"):
        await application(broken).start()

    assert events == ["cleaned by itself"]


async def test_a_failing_unwind_is_noted_on_the_first_error() -> None:
    async def fragile() -> AsyncIterator[First]:
        yield First()
        raise ValueError("while closing")

    def broken(first: First) -> int:
        raise OSError("first")

    with pytest.raises(OSError, match="first") as caught:
        await application(fragile, broken).start()

    assert "Then tearing down failed as well" in caught.value.__notes__[-1]
    assert "while closing" in caught.value.__notes__[-1]


@pytest.mark.parametrize("kind", ["function", "generator"])
async def test_a_cancelled_boot_unwinds_what_was_created(kind: str) -> None:
    recorder = Recorder()
    entered = asyncio.Event()

    async def endless(second: Second) -> int:
        entered.set()
        return await asyncio.Event().wait()

    async def endless_generator(second: Second) -> AsyncIterator[int]:
        try:
            yield await endless(second)
        finally:
            recorder.events.append("interrupted")

    factory: Callable[..., object] = (
        endless if kind == "function" else endless_generator
    )
    app = application(factory, recorder.second, recorder.first)
    boot = asyncio.create_task(app.start())
    await asyncio.wait_for(entered.wait(), 10)
    boot.cancel()

    with pytest.raises(asyncio.CancelledError):
        await boot
    interrupted = ["interrupted"] if kind == "generator" else []
    assert recorder.events == [
        "first up",
        "second up",
        *interrupted,
        "second down",
        "first down",
    ]


async def test_a_cleanup_that_fails_when_the_boot_is_cancelled_is_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    entered = asyncio.Event()

    async def fragile() -> AsyncIterator[First]:
        try:
            entered.set()
            await asyncio.Event().wait()
            yield First()
        finally:
            raise ValueError("while cleaning up")

    boot = asyncio.create_task(application(fragile).start())
    await asyncio.wait_for(entered.wait(), 10)
    boot.cancel()

    with pytest.raises(asyncio.CancelledError):
        await boot
    assert "container.cancelled_badly" in caplog.messages


@pytest.fixture
async def advance(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Stop the loop's clock; it goes on by what is said."""
    loop, past = asyncio.get_running_loop(), [0.0]
    now = loop.time()
    monkeypatch.setattr(loop, "time", lambda: now + sum(past))
    return past.append


async def test_a_boot_that_takes_too_long_names_what_it_was_building(
    advance: Callable[[float], None],
) -> None:
    recorder = Recorder()

    async def endless(first: First) -> int:
        advance(14)
        return await asyncio.Event().wait()

    app = application(endless, recorder.first, boot_timeout=12)

    with pytest.raises(
        BootTimeoutError, match=r"did not boot within 12 s: it was building `endless`"
    ) as caught:
        await app.start()

    assert "endless` for Test" in caught.value.__notes__[0]
    assert recorder.events == ["first up", "first down"]


@pytest.mark.parametrize("kind", ["function", "generator"])
async def test_a_step_of_the_boot_that_hangs_is_cancelled_named_and_unwound(
    kind: str, caplog: pytest.LogCaptureFixture, advance: Callable[[float], None]
) -> None:
    recorder = Recorder()

    async def hanging(second: Second) -> int:
        advance(16)
        try:
            return await asyncio.Event().wait()
        finally:
            recorder.events.append("cancelled")

    async def hanging_generator(second: Second) -> AsyncIterator[int]:
        yield await hanging(second)

    factory: Callable[..., object] = (
        hanging if kind == "function" else hanging_generator
    )
    app = application(factory, recorder.second, recorder.first)

    with pytest.raises(
        BootTimeoutError,
        match=r"^Building `hanging(_generator)?` did not end within 15 s and was",
    ):
        await app.start()

    assert recorder.events == [
        "first up",
        "second up",
        "cancelled",
        "second down",
        "first down",
    ]
    (line,) = (
        vars(one) for one in caplog.records if "boot_timeout" in one.getMessage()
    )
    assert (line["binding"], line["seconds"]) == (factory.__name__, 15.0)


async def test_each_step_has_a_time_of_its_own(
    advance: Callable[[float], None],
) -> None:
    async def step() -> AsyncIterator[First]:
        advance(10)
        await asyncio.sleep(0)
        yield First()

    async def next_step(first: First) -> Second:
        advance(10)
        await asyncio.sleep(0)
        return Second()

    async def last_step(second: Second) -> Third:
        advance(14)
        await asyncio.sleep(0)
        return Third()

    async with application(last_step, next_step, step) as app:
        assert isinstance(await app.resolve(Third), Third)


async def test_what_is_built_while_running_takes_its_time() -> None:
    async def patient() -> bytes:
        # Far longer than a step of the boot may take, which is no time at all.
        for _ in range(20):
            await asyncio.sleep(0)
        return b"done"

    app = application(provide(patient, scope="transient"), step_timeout=0)
    async with app:
        assert await app.resolve(bytes) == b"done"


async def test_a_factory_s_own_timeout_is_raised_as_it_is() -> None:
    error = TimeoutError("of the database")

    def late() -> int:
        raise error

    with pytest.raises(TimeoutError) as caught:
        await application(late).start()

    assert caught.value is error


@pytest.mark.parametrize("stubborn", [False, True])
async def test_a_hanging_teardown_is_left_and_the_rest_goes_on(
    stubborn: bool,  # noqa: FBT001
    caplog: pytest.LogCaptureFixture,
) -> None:
    recorder = Recorder()
    release = asyncio.Event()

    async def hanging(second: Second) -> AsyncIterator[Third]:
        yield Third()
        while not release.is_set():
            try:
                await release.wait()
            except asyncio.CancelledError:
                if not stubborn:
                    raise

    app = application(hanging, recorder.second, recorder.first, shutdown_timeout=0.4)
    await app.start()

    with pytest.raises(ExceptionGroup) as caught:
        await asyncio.wait_for(app.stop(), 10)

    (error,) = caught.value.exceptions
    assert isinstance(error, TeardownTimeoutError)
    assert "hanging` did not end within" in str(error)
    assert recorder.events[-2:] == ["second down", "first down"]
    assert any("hanging" in str(vars(record)) for record in caplog.records)
    release.set()
    await asyncio.sleep(0)


async def test_teardowns_that_raise_are_collected_and_all_are_run() -> None:
    recorder = Recorder()

    async def fails(second: Second) -> AsyncIterator[Third]:
        yield Third()
        raise ValueError("of the third")

    def fails_too(third: Third) -> Iterator[int]:
        yield 1
        raise OSError("of the fourth")

    with pytest.raises(ExceptionGroup, match="Some teardowns failed") as caught:
        async with application(fails_too, fails, recorder.second, recorder.first):
            pass

    assert [str(error) for error in caught.value.exceptions] == [
        "of the fourth",
        "of the third",
    ]
    assert recorder.events[-2:] == ["second down", "first down"]


async def test_a_teardown_that_raises_no_exception_does_not_keep_others_from_running() -> (
    None
):
    class Verdict(BaseException):
        pass

    recorder = Recorder()

    async def judged(second: Second) -> AsyncIterator[int]:
        yield 1
        raise Verdict

    with pytest.raises(BaseExceptionGroup, match="Some teardowns failed") as caught:
        async with application(judged, recorder.second, recorder.first):
            pass
    assert caught.value.subgroup(Verdict)
    assert recorder.events[-2:] == ["second down", "first down"]


async def test_an_error_of_the_body_is_not_replaced_by_one_of_the_teardown() -> None:
    async def fails() -> AsyncIterator[First]:
        yield First()
        raise ValueError("in the teardown")

    with pytest.raises(OSError, match="in the body") as caught:
        async with application(fails):
            raise OSError("in the body")

    assert "in the teardown" in caught.value.__notes__[0]


async def test_cancelling_a_stop_does_not_cut_it_short() -> None:
    recorder = Recorder()
    entered, go = asyncio.Event(), asyncio.Event()

    async def slow(first: First) -> AsyncIterator[Third]:
        yield Third()
        entered.set()
        await go.wait()
        recorder.events.append("slow down")

    app = application(slow, recorder.first)
    await app.start()
    stop = asyncio.create_task(app.stop())
    await asyncio.wait_for(entered.wait(), 10)
    stop.cancel()
    await asyncio.sleep(0)
    go.set()

    with pytest.raises(asyncio.CancelledError):
        await stop
    assert recorder.events[-2:] == ["slow down", "first down"]


async def test_a_generator_that_yields_twice_is_an_error_of_the_teardown() -> None:
    async def twice() -> AsyncIterator[First]:
        yield First()
        yield First()

    app = application(twice)
    await app.start()

    with pytest.raises(ExceptionGroup) as caught:
        await app.stop()
    assert "didn't stop" in str(caught.value.exceptions[0])


async def test_a_generator_that_does_not_yield_is_an_error_of_the_boot() -> None:
    async def never() -> AsyncIterator[First]:
        nothing: tuple[First, ...] = ()
        for one in nothing:
            yield one

    with pytest.raises(RuntimeError, match="didn't yield"):
        await application(never).start()


async def test_a_background_task_that_fails_ends_its_generator_only(
    caplog: pytest.LogCaptureFixture,
) -> None:
    ended, fail = asyncio.Event(), asyncio.Event()

    async def worker() -> None:
        await fail.wait()
        raise ValueError("worker broke")

    async def grouped() -> AsyncIterator[First]:
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(worker())
                yield First()
        finally:
            ended.set()

    app = application(grouped)
    await app.start()
    fail.set()
    await asyncio.wait_for(ended.wait(), 10)

    with pytest.raises(ExceptionGroup, match="teardowns failed"):
        await app.stop()
    assert "container.ended_early" in caplog.messages


async def test_values_are_never_closed_by_the_container() -> None:
    class Closable:
        closed = False

        def close(self) -> None:
            self.closed = True

        aclose = __exit__ = __aexit__ = close

    value = Closable()
    async with application(bind(Closable).to_value(value)) as app:
        assert await app.resolve(Closable) is value

    assert not value.closed


async def test_a_scope_tears_down_what_it_created_when_it_ends() -> None:
    recorder = Recorder()
    app = application(
        recorder.first,
        provide(recorder.second, scope="scoped"),
        provide(recorder.third, scope="scoped"),
    )

    async with app:
        async with app.scope() as scope:
            await scope.resolve(Second)
        assert recorder.events == ["first up", "second up", "second down"]

    assert recorder.events[3:] == ["first down"]


async def test_resolving_takes_a_running_application() -> None:
    app = application(First)

    with pytest.raises(ApplicationStateError, match=r"is not started.*`async with app"):
        await app.resolve(First)
    async with app:
        await app.resolve(First)
    with pytest.raises(ApplicationStateError, match="is stopped, so nothing can be"):
        await app.resolve(First)


async def test_the_injected_container_answers_no_longer_once_stopped() -> None:
    class Edge:
        def __init__(self, container: ContainerProtocol) -> None:
            self.container = container

    async with application(Edge, First) as app:
        edge = await app.resolve(Edge)

    with pytest.raises(ContainerClosedError, match="`First` was asked for when"):
        await edge.container.resolve(First)


async def test_a_scope_answers_no_longer_once_it_or_the_application_is_over() -> None:
    app = application(First)

    await app.start()
    async with app.scope() as scope:
        pass
    async with app.scope() as longer:
        await app.stop()
        with pytest.raises(ContainerClosedError):
            await longer.resolve(First)
    with pytest.raises(ContainerClosedError):
        await scope.resolve(First)


class Greeter(Protocol):
    def greet(self) -> str: ...


class Real:
    def __init__(self) -> None:
        raise OSError("the real one is not for tests")

    def greet(self) -> str:
        return "real"


class Fake:
    def greet(self) -> str:
        return "fake"


async def test_an_override_replaces_a_binding_that_is_then_never_built() -> None:
    app = application(bind(Greeter).to(Real))
    app.override(Greeter).to(Fake())

    async with app:
        assert (await app.resolve(Greeter)).greet() == "fake"


async def test_an_override_of_nothing_is_an_error_with_what_is_near() -> None:
    class Greeters:
        pass

    app = application(Greeters)
    app.override(Greeter).to(Fake())

    with pytest.raises(
        NotRegisteredError,
        match=r"override of `Greeter` \(.*test_core_lifecycle\.py:\d+\) replaces "
        r"nothing.*Nearest registered: `Greeters`",
    ):
        await app.start()


async def test_modules_and_overrides_come_before_the_start() -> None:
    app = application(First)

    async with app:
        with pytest.raises(ApplicationStateError, match="Cannot override a binding"):
            app.override(First)
        with pytest.raises(ApplicationStateError, match="Cannot add a module"):
            app.add_module(ModuleDefinition(name="Late"))

    app.add_module(ModuleDefinition(name="BeforeTheNext"))


@pytest.mark.skipif(os.name == "nt", reason="signal handlers need a Unix loop")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_run_ends_cleanly_on_a_signal(number: signal.Signals) -> None:
    recorder = Recorder()

    def interrupt(second: Second) -> int:
        asyncio.get_running_loop().call_soon(signal.raise_signal, number)
        return 1

    application(interrupt, recorder.second, recorder.first).run()

    assert recorder.events[-2:] == ["second down", "first down"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_run_uses_the_faster_loop_when_its_extra_is_installed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    uvloop = pytest.importorskip("uvloop", reason="the extra `uvloop` is not installed")
    loops: list[asyncio.AbstractEventLoop] = []

    def end() -> int:
        loops.append(asyncio.get_running_loop())
        raise OSError("seen enough")

    for hidden in (False, True):
        if hidden:
            monkeypatch.setitem(sys.modules, "uvloop", None)
        with pytest.raises(OSError, match="seen enough"):
            application(end).run()

    assert isinstance(loops[0], uvloop.Loop)
    assert not isinstance(loops[1], uvloop.Loop)


@pytest.mark.skipif(os.name == "nt", reason="signal handlers need a Unix loop")
def test_a_signal_while_booting_unwinds_what_was_created() -> None:
    recorder = Recorder()

    async def endless(second: Second) -> int:
        signal.raise_signal(signal.SIGTERM)
        return await asyncio.Event().wait()

    application(endless, recorder.second, recorder.first).run()

    assert recorder.events[-2:] == ["second down", "first down"]


@pytest.mark.skipif(os.name == "nt", reason="signal handlers need a Unix loop")
def test_what_fails_after_a_signal_is_the_process_own_failure() -> None:
    async def fails() -> AsyncIterator[First]:
        loop = asyncio.get_running_loop()
        loop.call_later(0.01, signal.raise_signal, signal.SIGTERM)
        yield First()
        raise ValueError("while closing")

    with pytest.raises(ExceptionGroup, match="Some teardowns failed"):
        application(fails).run()


HANGS = """
import asyncio, signal, sys
from collections.abc import AsyncIterator
from lexigram import Application
from lexigram.contracts.di import ModuleDefinition

if "uvloop" not in sys.argv:
    sys.modules["uvloop"] = None

async def pool() -> AsyncIterator[int]:
    loop = asyncio.get_running_loop()
    loop.call_later(0.01, lambda: print("up", type(loop).__module__, flush=True))
    yield 1
    print("stopping", flush=True)
    while True:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            pass

Application(ModuleDefinition(name="App", providers=(pool,))).run()
"""


@pytest.mark.skipif(os.name == "nt", reason="signals of Unix")
@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_second_signal_ends_the_process_though_a_teardown_hangs(
    loop: str, number: signal.Signals
) -> None:
    if loop == "uvloop":
        pytest.importorskip("uvloop", reason="the extra `uvloop` is not installed")
    with subprocess.Popen(
        [sys.executable, "-c", HANGS, loop], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        try:
            assert process.stdout.readline().startswith(f"up {loop}")
            process.send_signal(number)
            assert process.stdout.readline() == "stopping\n"
            process.send_signal(number)
            # Twenty seconds is what the teardown would be given.
            assert process.wait(timeout=15) == -number
        finally:
            process.kill()


@pytest.mark.skipif(os.name == "nt", reason="signal handlers need a Unix loop")
def test_run_gives_back_the_handlers_that_were_there() -> None:
    def mine(*_: object) -> None:
        """Handle nothing."""

    before = signal.signal(signal.SIGTERM, mine)
    try:

        def end() -> int:
            raise OSError("seen enough")

        with pytest.raises(OSError, match="seen enough"):
            application(end).run()
        assert signal.getsignal(signal.SIGTERM) is mine
    finally:
        signal.signal(signal.SIGTERM, before)


@pytest.mark.skipif(os.name == "nt", reason="signal handlers need a Unix loop")
def test_run_does_not_take_another_cancellation_for_a_signal() -> None:
    async def cancelled() -> First:
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        application(cancelled).run()


async def test_the_start_and_the_stop_are_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "lexigram")

    async with application(First):
        pass

    assert caplog.messages == ["application.started", "application.stopped"]
    assert vars(caplog.records[0])["fields"] == {"modules": ["Test"]}
