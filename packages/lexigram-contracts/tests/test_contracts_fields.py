"""Fields that are given more than they keep, as libraries see them at run time."""

from pathlib import Path
from typing import get_type_hints

import pytest

from lexigram.contracts.fields import Converted, Several


class Section:
    """What checkers see of it is proved where they run: `tests/typing`."""

    ledger: Converted[Path, Path | str]
    hosts: Converted[tuple[str, ...], Several[str]]
    proxy: Converted[str | None, str | None]


def test_a_library_that_reads_hints_finds_the_type_that_is_kept() -> None:
    assert get_type_hints(Section) == {
        "ledger": Path,
        "hosts": tuple[str, ...],
        "proxy": str | None,
    }


@pytest.mark.parametrize("given", [["a"], ("a",), {"a"}, frozenset({"a"})])
def test_several_are_a_list_a_tuple_or_a_set(given: object) -> None:
    assert isinstance(given, tuple(kind.__origin__ for kind in Several.__args__))


def test_a_text_is_not_several() -> None:
    assert not isinstance("ab", tuple(kind.__origin__ for kind in Several.__args__))
