"""Booting an application with fakes in it."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Sequence
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Generic, Self, TypeVar

from lexigram.contracts.di import ModuleSource, Named
from lexigram.contracts.resilience import CircuitBreakerRegistryProtocol
from lexigram.contracts.suggestions import did_you_mean
from lexigram.testing._app.describing import describe, existing
from lexigram.testing._app.faults import BedFaults
from lexigram.testing._app.overridden import Overridden, overriding
from lexigram.testing._calls.showing import place
from lexigram.testing._fake.client import FakeHTTPClient

if TYPE_CHECKING:
    # The core is an extra, and only checkers need `TypeForm`.
    from typing_extensions import TypeForm

    from lexigram.application import Application

__all__ = ["BedOverride", "TestBed"]

T = TypeVar("T")


class TestBed:
    """An application that is booted for a test, with some of its bindings replaced.

    Leaving the block stops the application, verifies every override that can be
    verified, as a `FakeHTTPClient` can, and fails for an override that nothing asked
    for. When the block has failed already, all that becomes a note of its exception.
    Two beds share nothing.

    Args:
        modules: What is booted.
        strict: Whether an override that nothing asked for is a failure.
        config_file: Read in the place of `application.yaml`.

    Example:
        ```python
        bed = TestBed(AppModule)
        fake = FakeHTTPClient()
        async with bed.override(HTTPClientProtocol).to(fake):
            fake.on.get("/v1/stock").respond(json={"items": 3})
            shop = await bed.get(Shop)
            assert await shop.stock() == 3
        ```

    Raises:
        ModuleNotFoundError: The core is not installed; says how to get it.
    """

    __test__: ClassVar[bool] = False  # pytest collects classes by this name otherwise

    def __init__(
        self,
        *modules: ModuleSource,
        strict: bool = True,
        config_file: str | os.PathLike[str] | None = None,
    ) -> None:
        self._app = _application(modules, config_file)
        self._strict = strict
        self._overrides: list[Overridden] = []

    def __repr__(self) -> str:
        return f"<TestBed of {self._app!r}, {len(self._overrides)} overrides>"

    @property
    def app(self) -> Application:
        """The application, for what the bed has no words for: `bed.app.scope()`."""
        return self._app

    def override(self, key: TypeForm[T]) -> BedOverride[T]:
        """Begin to replace a binding: `bed.override(Clock).to(fake)`.

        Of several for one key the last one counts, so that a test overrides what a
        fixture set up. That a module registers the key is checked by the start, which
        raises `NotRegisteredError` with the nearest keys.

        Raises:
            ApplicationStateError: The application has been started: what was created
                keeps what it was given.
        """
        return BedOverride(partial(self._put, key, place()))

    async def get(self, key: TypeForm[T]) -> T:
        """Return the instance of `key`.

        Raises:
            NotRegisteredError: Nothing is registered under it; names the nearest keys.
            ApplicationStateError: The application is not running.
        """
        return await self._app.resolve(key)

    def faults(self, key: TypeForm[Any], name: str | None = None) -> BedFaults:
        """Return the ways to break an override that is a `FakeHTTPClient`.

        Args:
            key: What is overridden.
            name: Its name, for `Annotated[key, Named(name)]`.

        Raises:
            LookupError: It is not overridden; names what is.
            TypeError: The override is something else.
        """
        wanted = key if name is None else Annotated[key, Named(name)]
        one = overriding(wanted, self._overrides)
        if one is not None:
            return BedFaults(one, self._registry)
        shown = getattr(wanted, "__qualname__", None) or str(wanted)
        known = [one.label for one in self._overrides]
        raise LookupError(
            f"`{shown}` is not overridden, so there is no fake of it to break. "
            f"{did_you_mean(shown, known)} Write `bed.override(...).to("
            "FakeHTTPClient())` before the block."
        )

    async def describe(self) -> str:
        """Return what runs: modules, overrides, and what HTTP is composed of."""
        return await describe(self._app, self._overrides)

    def assert_all_overrides_used(self) -> None:
        """Require that each override was injected into something, or asked for.

        Raises:
            AssertionError: Some were not; says where they were written.
        """
        unused = [one for one in self._overrides if not one.replacement.used]
        if unused:
            lines = "".join(f"\n  {one}" for one in unused)
            raise AssertionError(
                f"Nothing asked for these overrides:{lines}\n"
                "Remove them, or look which key the code under test asks for: one "
                "with a name is another one, and so is a subclass."
            )

    async def __aenter__(self) -> Self:
        for one in self._overrides:
            if isinstance(one.value, FakeHTTPClient):
                await one.value.__aenter__()
        await self._app.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        problems: list[BaseException] = []
        try:
            await self._app.stop()
        except BaseExceptionGroup as failed:
            problems.append(failed)
        # After the stop: what is torn down may use the fakes a last time.
        once = {id(one.value): one.value for one in self._overrides}
        problems += [
            problem
            for value in once.values()
            if (problem := await _verify(value, error)) is not None
        ]
        if self._strict:
            try:
                self.assert_all_overrides_used()
            except AssertionError as unused:
                problems.append(unused)
        _tell(error, problems)

    def _put(self, key: Any, origin: str, value: Any) -> TestBed:
        replacement = self._app.override(key, origin=origin).to(value)
        before = overriding(key, self._overrides)
        if before is not None:
            before.replacement.undo()
            self._overrides.remove(before)
        self._overrides.append(Overridden(key, value, replacement))
        return self

    async def _registry(self) -> CircuitBreakerRegistryProtocol | None:
        return await existing(
            self._app, self._overrides, CircuitBreakerRegistryProtocol
        )


class BedOverride(Generic[T]):
    """One binding of a `TestBed` that is about to be replaced."""

    def __init__(self, put: Callable[[T], TestBed]) -> None:
        self._put = put

    def to(self, replacement: T) -> TestBed:
        """Answer the key with `replacement`, and return the bed."""
        return self._put(replacement)


def _application(
    modules: Sequence[ModuleSource], config_file: str | os.PathLike[str] | None
) -> Application:
    name = "lexigram.application"
    try:
        from lexigram.application import Application  # noqa: PLC0415 - an extra
    except ModuleNotFoundError as error:
        if error.name != name:
            raise  # the core is there, and something that it needs is not
        raise ModuleNotFoundError(
            "`TestBed` boots an application, which takes the core. Install it: "
            '`pip install "lexigram-testing[app]"`.',
            name=name,
        ) from None
    return Application(modules=modules, config_file=config_file)


async def _verify(value: object, primary: BaseException | None) -> Exception | None:
    """Return what an override complains of, if it can."""
    verify = getattr(value, "verify", None)
    kind = None if primary is None else type(primary)
    try:
        if isinstance(value, FakeHTTPClient):
            # As strictly as it was made, and leaving out the failure of the block.
            await value.__aexit__(kind, primary, None)
        elif callable(verify) and inspect.isawaitable(pending := verify()):
            await pending
    except AssertionError as problem:
        return problem
    return None


def _tell(primary: BaseException | None, problems: list[BaseException]) -> None:
    """Raise the first problem, the others its notes, unless the block has failed."""
    if not problems:
        return
    headline = problems.pop(0) if primary is None else primary
    for problem in problems:
        plain = isinstance(problem, AssertionError)
        headline.add_note(str(problem) if plain else repr(problem))
    if primary is None:
        raise headline
