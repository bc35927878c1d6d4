"""The application: modules, booted and injected."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager, suppress
from types import TracebackType
from typing import ClassVar, Literal, Self, TypeAlias, TypeVar

from typing_extensions import TypeForm

from lexigram.config._loading import Configuration, load
from lexigram.contracts.di import (
    ConfigSection,
    ContainerProtocol,
    ModuleDefinition,
    ModuleSource,
    written_at,
)
from lexigram.contracts.errors import LexigramError
from lexigram.di._assembly import Registration, assemble
from lexigram.di._container import Container
from lexigram.di._graph import Graph
from lexigram.di._keeper import run_to_end
from lexigram.di._keys import key_of
from lexigram.di._overrides import Override, Replacement
from lexigram.logging import (
    Logger,
    LoggingConfig,
    configure_logging,
    get_logger,
    is_logging_configured,
)

__all__ = [
    "Application",
    "ApplicationStateError",
    "BootTimeoutError",
    "Override",
    "Replacement",
]

T = TypeVar("T")

State: TypeAlias = Literal["new", "starting", "running", "stopping", "stopped"]

log: Logger = get_logger("lexigram.application")


class ApplicationStateError(LexigramError, RuntimeError):
    """The application is not in the state that this takes."""

    code: ClassVar[str] = "application.state"


class BootTimeoutError(LexigramError, TimeoutError):
    """The application did not boot in its time."""

    code: ClassVar[str] = "application.boot_timeout"


class Application(ContainerProtocol):
    """Boots modules, answers keys, and ends everything in reverse.

    Booting flattens the modules, loads and validates their configuration, validates the
    graph of dependencies, and only then creates the singletons, dependencies first.
    Whatever fails on the way, what was created is torn down and the first error raised
    unchanged. A stopped application may be started again.

    Example:
        ```python
        async with Application.boot(modules=[AppModule]) as app:
            billing = await app.resolve(BillingClient)
        ```
    """

    def __init__(
        self,
        *sources: ModuleSource,
        modules: Sequence[ModuleSource] = (),
        config_file: str | os.PathLike[str] | None = None,
        boot_timeout: float = 60.0,
        shutdown_timeout: float = 20.0,
    ) -> None:
        """Describe an application; nothing runs yet.

        Args:
            sources: Modules, one by one.
            modules: Modules, as a list; added to `sources`.
            config_file: Read in the place of `application.yaml`; `$LEX_CONFIG` wins.
            boot_timeout: Seconds in which everything must be created.
            shutdown_timeout: Seconds in which everything must be torn down. One
                teardown may take half of what is left, so that one which hangs leaves
                time for the others.
        """
        self._modules: list[ModuleSource] = [*sources, *modules]
        self._overrides: list[Registration] = []
        self._config_file = config_file
        self._boot_timeout = boot_timeout
        self._shutdown_timeout = shutdown_timeout
        self._state: State = "new"
        self._names: tuple[str, ...] = ()
        self._container: Container | None = None
        self._turn = asyncio.Lock()

    def __repr__(self) -> str:
        return f"<Application {self._state}>"

    @classmethod
    def boot(
        cls,
        *sources: ModuleSource,
        modules: Sequence[ModuleSource] = (),
        config_file: str | os.PathLike[str] | None = None,
        boot_timeout: float = 60.0,
        shutdown_timeout: float = 20.0,
    ) -> Self:
        """Return an application for `async with`, which starts and stops it."""
        return cls(
            *sources,
            modules=modules,
            config_file=config_file,
            boot_timeout=boot_timeout,
            shutdown_timeout=shutdown_timeout,
        )

    def add_module(self, module: ModuleSource) -> None:
        """Add a module.

        Raises:
            ApplicationStateError: The application has been started.
        """
        self._refuse_when_running("add a module")
        self._modules.append(module)

    @property
    def modules(self) -> tuple[str, ...]:
        """The modules of the latest start, imported ones first; empty before the first."""
        return self._names

    def override(self, key: TypeForm[T], *, origin: str = "") -> Override[T]:
        """Begin to replace what is registered: `app.override(Key).to(fake)`.

        Only before the start: what is created keeps what it was given.

        Args:
            key: What to replace.
            origin: Where that is asked for, as "file:line"; by default the caller.

        Raises:
            ApplicationStateError: The application has been started.
        """
        self._refuse_when_running("override a binding")
        return Override(self._overrides, key_of(key), origin or written_at())

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            await self.stop()
        except BaseExceptionGroup as failed:
            if error is None:
                raise
            error.add_note(f"Then stopping failed as well: {failed!r}")

    async def start(self) -> None:
        """Boot; does nothing when running already.

        Raises:
            ModuleError: A module cannot be understood.
            ConfigError: The configuration is not valid.
            GraphError: Dependencies are missing or do not fit; nothing was created.
            BootTimeoutError: Creating the singletons took too long.
            BaseException: Whatever a factory raised, unchanged.
        """
        async with self._turn:
            if self._state == "running":
                return
            self._state = "starting"
            try:
                await self._start()
            except BaseException as error:  # unwound, and raised again
                await self._unwind(error)
                raise
            self._state = "running"

    async def stop(self) -> None:
        """Tear down in reverse; does nothing when not running.

        Cancellation does not cut it short: it bounds itself, and `CancelledError` is
        raised at its end.

        Raises:
            BaseExceptionGroup: What the teardowns raised; all of them were run. An
                `ExceptionGroup`, unless one raised no `Exception`.
        """
        async with self._turn:
            if self._state != "running" or self._container is None:
                return
            self._state = "stopping"
            try:
                await run_to_end(self._container.close(self._shutdown_timeout))
            finally:
                self._state, self._container = "stopped", None
            log.info("application.stopped")

    async def resolve(self, key: TypeForm[T]) -> T:
        """Return the instance of `key`.

        Raises:
            NotRegisteredError: Nothing is registered under it.
            ApplicationStateError: The application is not running.
        """
        return await self._running().resolve(key)

    @asynccontextmanager
    async def scope(self) -> AsyncGenerator[ContainerProtocol, None]:
        """Open a scope, in which scoped bindings have one instance each."""
        container = self._running().enter()
        try:
            yield container
        finally:
            await run_to_end(container.close(self._shutdown_timeout))

    def run(self) -> None:
        """Boot, and block until SIGINT or SIGTERM; a second one ends the process."""
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        ending = False

        def end(number: signal.Signals) -> None:
            nonlocal ending
            ending = True
            # The default action is back from here on: the next one ends the process.
            for one in (signal.SIGINT, signal.SIGTERM):
                loop.remove_signal_handler(one)
            log.info("application.signal", signal=number.name)
            if task is not None:
                task.cancel()

        for one in (signal.SIGINT, signal.SIGTERM):
            with suppress(NotImplementedError):  # Windows; asyncio.run handles SIGINT
                loop.add_signal_handler(one, end, one)
        try:
            async with self:
                await asyncio.Event().wait()
        except asyncio.CancelledError:
            if not ending:
                raise

    async def _start(self) -> None:
        assembly = assemble((_CORE, *self._modules))
        self._names = assembly.modules[1:]
        configuration = load(
            [one.config for one in assembly.sections], self._config_file
        )
        _begin_logging(configuration)
        sections = assembly.bind_sections(configuration.sections)
        graph = Graph((*assembly.registrations, *sections))
        graph.override({one.key: one for one in self._overrides})
        graph.validate()
        self._container = Container.of(graph)
        await self._create(self._container)
        log.info("application.started", modules=list(self._names))

    async def _create(self, container: Container) -> None:
        limit = asyncio.timeout(self._boot_timeout)
        try:
            async with limit:
                await container.create_singletons()
        except TimeoutError as error:
            if not limit.expired():
                raise
            late = BootTimeoutError(
                f"The application did not boot within {self._boot_timeout:g} s. "
                "Give it more with `boot_timeout`, or see what the note names."
            )
            # The cancellation that became the timeout; its `__cause__` only since 3.11.4.
            for note in getattr(error.__context__, "__notes__", ()):
                late.add_note(note)
            raise late from None

    async def _unwind(self, error: BaseException) -> None:
        container, self._container, self._state = self._container, None, "stopped"
        if container is None:
            return
        try:
            await run_to_end(container.close(self._shutdown_timeout))
        except BaseExceptionGroup as failed:
            error.add_note(f"Then tearing down failed as well: {failed!r}")

    def _running(self) -> Container:
        if self._state == "running" and self._container is not None:
            return self._container
        ways = {"new": "Start it first: `async with app:`."}
        raise ApplicationStateError(
            f"The application is {_ADJECTIVE[self._state]}, so nothing can be resolved. "
            f"{ways.get(self._state, '')}".rstrip()
        )

    def _refuse_when_running(self, action: str) -> None:
        if self._state not in ("new", "stopped"):
            raise ApplicationStateError(
                f"Cannot {action}: the application is {_ADJECTIVE[self._state]}. Do it "
                "before the start: what is created keeps what it was given."
            )


_CORE = ModuleDefinition(
    name="lexigram",
    config=ConfigSection("logging", LoggingConfig),
    origin=__name__,
)

_ADJECTIVE: dict[State, str] = {
    "new": "not started",
    "starting": "still starting",
    "running": "running",
    "stopping": "stopping",
    "stopped": "stopped",
}


def _begin_logging(configuration: Configuration) -> None:
    """Set up logging unless the process has; then say what was passed over."""
    config = configuration.sections["logging"]
    if isinstance(config, LoggingConfig) and not is_logging_configured():
        configure_logging(config)
    for origin in configuration.ignored:
        log.debug("config.ignored", origin=origin)
    if configuration.absent_profile is not None:
        log.warning("config.profile_without_file", file=configuration.absent_profile)
