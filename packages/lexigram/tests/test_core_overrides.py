"""Bindings that are replaced for a test."""

from typing import Annotated, Protocol

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lexigram import Application
from lexigram.application import ApplicationStateError, Replacement
from lexigram.contracts.di import ModuleDefinition, bind, provide
from lexigram.di import Named


class Greeter(Protocol):
    def greet(self) -> str: ...


class Real:
    def greet(self) -> str:
        return "real"


class Fake:
    def __init__(self, words: str = "fake") -> None:
        self.words = words

    def greet(self) -> str:
        return self.words


class Doorman:
    def __init__(self, greeter: Greeter) -> None:
        self.greeter = greeter


class Guest:
    pass


def application(*providers: object) -> Application:
    return Application(
        ModuleDefinition(name="Test", providers=(bind(Greeter).to(Real), *providers))  # type: ignore[arg-type]  # shorthand
    )


async def test_an_override_ends_with_its_block() -> None:
    app = application()

    with app.override(Greeter).to(Fake()):
        async with app:
            assert (await app.resolve(Greeter)).greet() == "fake"
    async with app:
        assert (await app.resolve(Greeter)).greet() == "real"


async def test_blocks_within_each_other_give_back_what_was_there() -> None:
    app = application()

    with app.override(Greeter).to(Fake("outer")):
        with app.override(Greeter).to(Fake("inner")):
            async with app:
                assert (await app.resolve(Greeter)).greet() == "inner"
        async with app:
            assert (await app.resolve(Greeter)).greet() == "outer"


@given(st.permutations(range(4)), st.integers(1, 4))
async def test_in_whatever_order_they_are_undone_the_latest_left_counts(
    order: list[int], undone: int
) -> None:
    app = application()
    replacements = [app.override(Greeter).to(Fake(str(n))) for n in range(4)]
    left = {*range(4)} - {*order[:undone]}

    for number in order[:undone]:
        replacements[number].undo()
        replacements[number].undo()

    expected = str(max(left)) if left else "real"
    async with app:
        assert (await app.resolve(Greeter)).greet() == expected


async def test_an_override_that_is_injected_is_used() -> None:
    app = application(Doorman)
    replacement = app.override(Greeter).to(Fake())

    async with app:
        assert replacement.used
        assert (await app.resolve(Doorman)).greeter.greet() == "fake"


async def test_an_override_that_nothing_asks_for_is_unused() -> None:
    app = application(Guest)
    replacement = app.override(Greeter).to(Fake())

    async with app:
        await app.resolve(Guest)

    assert not replacement.used


async def test_an_override_is_used_as_soon_as_somebody_asks_for_it() -> None:
    app = application()
    replacement = app.override(Greeter).to(Fake())

    async with app:
        used = [replacement.used]
        first, second = await app.resolve(Greeter), await app.resolve(Greeter)

    assert [*used, replacement.used] == [False, True]
    assert first is second


async def test_what_is_injected_into_a_scope_counts_when_it_is_built() -> None:
    app = application(provide(Doorman, scope="scoped"))
    replacement = app.override(Greeter).to(Fake())

    async with app:
        used = [replacement.used]
        async with app.scope() as scope:
            await scope.resolve(Doorman)
        assert [*used, replacement.used] == [False, True]


async def test_only_the_named_binding_is_replaced() -> None:
    named = Annotated[Greeter, Named("partner")]
    app = application(bind(named).to(Real))
    replacement = app.override(named).to(Fake())

    async with app:
        assert (await app.resolve(Greeter)).greet() == "real"
        assert not replacement.used
        assert (await app.resolve(named)).greet() == "fake"


async def test_a_running_application_takes_no_override_and_says_why() -> None:
    app = application()

    async with app:
        with pytest.raises(ApplicationStateError, match="keeps what it was given"):
            app.override(Greeter)


async def test_a_replacement_tells_where_it_was_written_and_whether_it_was_used() -> (
    None
):
    app = application()
    replacement: Replacement = app.override(Greeter).to(Fake())

    assert replacement.key == "Greeter"
    assert "test_core_overrides.py:" in replacement.origin
    assert app.override(Greeter, origin="t.py:1").to(Fake()).origin == "t.py:1"
    replacement = app.override(Greeter).to(Fake())
    assert repr(replacement) == (
        f"<Replacement of Greeter ({replacement.origin}), unused>"
    )
    async with app:
        await app.resolve(Greeter)
    assert repr(replacement).endswith("), used>")


async def test_the_modules_are_known_once_the_application_has_started() -> None:
    imported = ModuleDefinition(name="Imported")
    app = Application(ModuleDefinition(name="Whole", imports=(imported,)))
    modules = [app.modules]

    async with app:
        modules.append(app.modules)

    assert modules == [(), ("Imported", "Whole")]
