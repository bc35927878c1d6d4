"""The application: modules, booted and injected."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from types import TracebackType
from typing import ClassVar, Literal, Self, TypeAlias, TypeVar

from typing_extensions import TypeForm

from lexigram._running import run_until_signal
from lexigram.config import Configuration
from lexigram.config._loading import load
from lexigram.contracts.di import (
    ConfigSection,
    ContainerProtocol,
    ModuleDefinition,
    ModuleSource,
    written_at,
)
from lexigram.contracts.errors import LexigramError
from lexigram.contracts.health import HealthCheckProtocol
from lexigram.di._assembly import Assembly, Registration, assemble
from lexigram.di._budget import Budget
from lexigram.di._container import Container
from lexigram.di._errors import BootTimeoutError
from lexigram.di._graph import Graph
from lexigram.di._keeper import run_to_end
from lexigram.di._keys import key_of
from lexigram.di._overrides import Override, Replacement
from lexigram.health import ApplicationHealth
from lexigram.health._checking import Check, run_checks
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


class Application(ContainerProtocol):
    """Boots modules, answers keys, and ends everything in reverse.

    The phases are always these:

    1. The modules are flattened, their configuration is loaded and validated, and so is
       the graph of dependencies. Nothing was created yet.
    2. The singletons are created, dependencies first, generators up to their `yield`.
       Whatever fails, or is cancelled, on the way: what was created is torn down, and
       the first error raised unchanged with a note saying where.
    3. Running: `resolve`, `scope` and readiness answer.
    4. Readiness is off, and nothing is resolved from outside any more.
    5. Generators run from their `yield` to their end, in the reverse order of creation.
       One that hangs is cancelled, named and passed over.

    A stopped application may be started again.

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
        step_timeout: float = 15.0,
        shutdown_timeout: float = 20.0,
    ) -> None:
        """Describe an application; nothing runs yet.

        Args:
            sources: Modules, one by one.
            modules: Modules, as a list; added to `sources`.
            config_file: Read in the place of `application.yaml`; `$LEX_CONFIG` wins.
            boot_timeout: Seconds in which everything must be created.
            step_timeout: Seconds in which each singleton must be, its dependencies not
                counted.
            shutdown_timeout: Seconds in which everything must be torn down. One
                teardown may take half of what is left, so that one which hangs leaves
                time for the others.
        """
        self._modules: list[ModuleSource] = [*sources, *modules]
        self._overrides: list[Registration] = []
        self._config_file = config_file
        self._boot_timeout = boot_timeout
        self._step_timeout = step_timeout
        self._shutdown_timeout = shutdown_timeout
        self._state: State = "new"
        self._names: tuple[str, ...] = ()
        self._configuration: Configuration | None = None
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
        step_timeout: float = 15.0,
        shutdown_timeout: float = 20.0,
    ) -> Self:
        """Return an application for `async with`, which starts and stops it."""
        return cls(
            *sources,
            modules=modules,
            config_file=config_file,
            boot_timeout=boot_timeout,
            step_timeout=step_timeout,
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

    @property
    def config(self) -> Configuration:
        """The configuration of the latest start; before the first, what one would find.

        Example:
            ```python
            print(app.config.explain("http"))
            ```

        Raises:
            ModuleError: A module cannot be understood.
            ConfigError: The configuration is not valid.
        """
        return self._configuration or self._load(self._assemble())

    def check(self) -> None:
        """Check modules, configuration and dependencies; nothing is created.

        Raises:
            ModuleError: A module cannot be understood.
            ConfigError: The configuration is not valid.
            GraphError: Dependencies are missing or do not fit.
        """
        assembly = self._assemble()
        self._graph(assembly, self._load(assembly))

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

    async def health(self, *, within: float = 5.0) -> ApplicationHealth:
        """Ask every registered `HealthCheckProtocol` at once, and sum up.

        Named bindings count like those without a name. A check that raises is unhealthy
        with its reason. In any state but running nothing is asked, and readiness is off.

        Args:
            within: Seconds after which a check that has not answered is unhealthy.
        """
        container, checks = self._container, list[Check]()
        if container is not None and self._state == "running":
            checks = [
                Check(str(key), partial(container.get, key))
                for key in container.keys_of(HealthCheckProtocol)
            ]
        found = await run_checks(checks, within)
        return ApplicationHealth(self._state, found)

    def run(self) -> None:
        """Boot, and block until SIGINT or SIGTERM, which stop the application.

        A second signal ends the process at once. The event loop is uvloop's when the
        extra `lexigram[uvloop]` is installed.

        Raises:
            BaseException: As `start` and `stop` do.
        """
        run_until_signal(self)

    async def _start(self) -> None:
        assembly = self._assemble()
        self._names = assembly.modules[1:]
        self._configuration = self._load(assembly)
        _begin_logging(self._configuration)
        graph = self._graph(assembly, self._configuration)
        self._container = Container(graph)
        budget = Budget(self._boot_timeout, self._step_timeout)
        await self._container.create_singletons(budget)
        log.info("application.started", modules=list(self._names))

    def _assemble(self) -> Assembly:
        return assemble((_CORE, *self._modules))

    def _load(self, assembly: Assembly) -> Configuration:
        sections = [(one.config, one.origin) for one in assembly.sections]
        return load(sections, self._config_file)

    def _graph(self, assembly: Assembly, configuration: Configuration) -> Graph:
        sections = assembly.bind_sections(configuration.sections)
        graph = Graph((*assembly.registrations, *sections))
        graph.override({one.key: one for one in self._overrides})
        graph.validate()
        return graph

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
