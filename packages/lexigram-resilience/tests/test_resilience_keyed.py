from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lexigram.resilience._keyed import Keyed


def stubborn(key: str) -> bool:
    """Say whether the state of this key must stay."""
    return key.startswith("open")


def made(limit: int) -> Keyed[list[str]]:
    return Keyed(
        lambda key: [key], may_go=lambda state: not stubborn(state[0]), max_keys=limit
    )


def test_a_key_keeps_its_state() -> None:
    keyed = made(2)
    assert keyed.get("a") is keyed.get("a")


def test_the_longest_unused_state_makes_room() -> None:
    keyed = made(2)
    for key in ("a", "b", "a", "c"):
        keyed.get(key)
    assert set(keyed) == {"a", "c"}


def test_looking_at_a_state_does_not_count_as_a_use() -> None:
    keyed = made(2)
    keyed.get("a")
    keyed.get("b")
    assert keyed.known("a") == ["a"]
    keyed.get("c")
    assert keyed.known("a") is None


def test_a_state_that_must_stay_outlives_the_limit() -> None:
    keyed = made(1)
    for key in ("open-1", "open-2", "a", "b"):
        keyed.get(key)
    assert {"open-1", "open-2"} <= set(keyed)


def test_states_in_excess_go_when_they_may() -> None:
    states: dict[str, bool] = {}
    keyed = Keyed(lambda key: key, may_go=lambda key: states[key], max_keys=2)
    for key in ("a", "b", "c", "d"):
        states[key] = False
        keyed.get(key)
    assert len(keyed) == 4
    states = dict.fromkeys(states, True) | {"e": True}
    keyed.get("e")
    assert len(keyed) == 2


def test_a_great_number_of_states_that_must_stay_is_not_walked_through() -> None:
    asked: list[str] = []

    def may_go(key: str) -> bool:
        asked.append(key)
        return False

    keyed = Keyed(lambda key: key, may_go=may_go, max_keys=1)
    for number in range(1000):
        keyed.get(str(number))
    asked.clear()
    keyed.get("new")
    assert len(asked) <= 16


def test_a_forgotten_key_begins_anew() -> None:
    keyed = made(2)
    before = keyed.get("a")
    keyed.forget("a")
    keyed.forget("a")
    assert keyed.get("a") is not before


def test_a_lower_limit_holds_from_the_next_new_key_on() -> None:
    keyed = made(5)
    for key in "abcde":
        keyed.get(key)
    keyed.change_limit(2)
    keyed.get("f")
    assert [key for key, _ in keyed.items()] == ["e", "f"]


def test_the_empty_key_is_a_key_like_any_other() -> None:
    keyed = made(2)
    first = keyed.get("")
    keyed.get("a")
    assert keyed.get("") is first
    keyed.get("a")
    keyed.forget("a")
    assert keyed.get("") is first


def test_a_state_that_could_not_be_made_leaves_no_other_in_its_place() -> None:
    def make(key: str) -> list[str]:
        if key == "bad":
            raise LookupError(key)
        return [key]

    keyed = Keyed(make, may_go=lambda _: True, max_keys=1)
    before = keyed.get("a")
    with pytest.raises(LookupError):
        keyed.get("bad")
    assert list(keyed) == []  # "a" had to make room
    assert keyed.get("") == [""]
    again = keyed.get("a")
    assert again == ["a"]
    assert again is not before


def test_states_are_listed_with_and_without_their_keys() -> None:
    keyed = made(3)
    for key in ("a", "b", "a"):
        keyed.get(key)
    assert keyed.values() == [["b"], ["a"]]
    assert keyed.items() == [("b", ["b"]), ("a", ["a"])]


@given(
    st.lists(st.sampled_from(["a", "b", "c", "d", "e", "open-1", "open-2"])),
    st.integers(min_value=1, max_value=4),
)
def test_no_state_that_must_stay_is_ever_lost(keys: list[str], limit: int) -> None:
    keyed = made(limit)
    first = {key: keyed.get(key) for key in keys if stubborn(key)}
    for key in keys:
        keyed.get(key)
    assert all(keyed.get(key) is state for key, state in first.items())
    assert len(keyed) <= limit + len(first)
