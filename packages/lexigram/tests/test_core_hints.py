"""Hints as strings, as `from __future__ import annotations` leaves them."""

from __future__ import annotations

import decimal
import fractions
import sys
import types
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from lexigram import Application
from lexigram.contracts.di import ModuleDefinition
from lexigram.di import ModuleError, bind

if TYPE_CHECKING:
    import email.message
    import fractions as parts
    from collections.abc import AsyncIterator
    from decimal import Decimal as Money


class Price:
    def __init__(
        self,
        money: Money,
        part: parts.Fraction,
        mail: email.message.Message | None = None,
    ) -> None:
        self.money = money
        self.part = part


@dataclass
class Basket:
    price: Price
    currency: str = "EUR"


async def make_text(basket: Basket) -> AsyncIterator[bytes]:
    yield f"{basket.price.money} {basket.currency}".encode()


def application(*providers: Callable[..., object]) -> Application:
    return Application(
        ModuleDefinition(
            name="Test",
            providers=(
                *providers,
                bind(decimal.Decimal).to_value(decimal.Decimal(3)),
                bind(fractions.Fraction).to_value(fractions.Fraction(1, 2)),
            ),
        )
    )


async def test_hints_that_are_strings_are_read() -> None:
    async with application(Price, Basket, make_text) as app:
        assert await app.resolve(bytes) == b"3 EUR"


async def test_names_imported_only_for_checkers_are_found() -> None:
    async with application(Price) as app:
        price = await app.resolve(Price)

    assert f"{price.money} {price.part}" == "3 1/2"


def lost(missing: Nowhere) -> str:  # type: ignore[name-defined]  # noqa: F821
    return str(missing)


async def test_a_name_defined_nowhere_is_an_error_with_its_place() -> None:
    with pytest.raises(
        ModuleError, match=r"`lost` \(.*test_core_hints\.py:\d+\): 'Nowhere' is not"
    ):
        await application(lost).start()


async def test_a_function_without_source_still_reports_its_missing_name() -> None:
    module = types.ModuleType("written_at_a_prompt")
    sys.modules[module.__name__] = module
    try:
        exec("def made(x: 'Nowhere') -> str: return ''", module.__dict__)  # noqa: S102
        # Python 3.13 keeps the place.
        place = r"`made` \((unknown place|<string>:1)\)"
        with pytest.raises(ModuleError, match=place):
            await application(module.made).start()
    finally:
        del sys.modules[module.__name__]
