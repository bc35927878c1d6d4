import asyncio
import logging
import os
import signal
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


async def test_a_boot_that_takes_too_long_names_what_it_was_building() -> None:
    recorder = Recorder()

    async def endless(first: First) -> int:
        return await asyncio.Event().wait()

    app = application(endless, recorder.first, boot_timeout=0.01)

    with pytest.raises(
        BootTimeoutError, match=r"did not boot within 0\.01 s"
    ) as caught:
        await asyncio.wait_for(app.start(), 10)

    assert "endless` for Test" in caught.value.__notes__[0]
    assert recorder.events == ["first up", "first down"]


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

    app = application(hanging, recorder.second, recorder.first, shutdown_timeout=0.04)
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
