"""Header fields keep order, case and repetition, and are found whatever the case."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lexigram.contracts.web import Headers, MutableHeaders

PAIRS = [
    ("Set-Cookie", "a=1"),
    ("Vary", "Accept"),
    ("set-cookie", "b=2"),
    ("vary", "Origin"),
]


def test_repeated_fields_are_kept_and_combined_only_where_allowed() -> None:
    headers = Headers(PAIRS)
    assert headers.pairs == tuple(PAIRS)
    assert headers["VARY"] == "Accept, Origin"
    assert headers["Set-Cookie"] == "a=1"
    assert headers.get_all("SET-COOKIE") == ["a=1", "b=2"]
    assert list(headers) == ["Set-Cookie", "Vary"]
    assert len(headers) == 2


def test_an_absent_name_is_absent_in_every_form() -> None:
    headers = Headers(PAIRS)
    assert "x" not in headers
    assert 1 not in headers
    assert headers.get("x") is None
    assert headers.get_all("x") == []
    with pytest.raises(KeyError):
        headers["x"]


def test_assignment_replaces_and_add_repeats() -> None:
    headers = MutableHeaders(PAIRS)
    headers["VARY"] = "Cookie"
    headers.add("Vary", "Range")
    assert headers.get_all("vary") == ["Cookie", "Range"]
    headers.setdefault("x-vary", "1")
    headers.setdefault("VARY", "never")
    del headers["set-cookie"]
    assert headers.pairs == (("VARY", "Cookie"), ("Vary", "Range"), ("x-vary", "1"))
    with pytest.raises(KeyError):
        del headers["set-cookie"]


def test_a_copy_is_independent() -> None:
    headers = MutableHeaders(PAIRS)
    copy = headers.copy()
    copy["Vary"] = "x"
    assert headers["vary"] == "Accept, Origin"


def test_secrets_do_not_show() -> None:
    shown = repr(
        Headers({"Authorization": "Bearer s3cret", "X-Api-Key": "s3cret", "A": "b"})
    )
    assert "s3cret" not in shown
    assert "('A', 'b')" in shown


def test_equality_ignores_case_of_names_only() -> None:
    assert Headers({"A": "b"}) == Headers({"a": "b"}) == {"A": "b"}
    assert Headers({"A": "b"}) != Headers({"A": "B"})
    assert Headers() != 1


NAMES = st.sampled_from(["A", "a", "B", "b", "Content-Type"])


@given(st.lists(st.tuples(NAMES, st.text(max_size=3))))
def test_every_value_is_found_under_every_case(pairs: list[tuple[str, str]]) -> None:
    headers = Headers(pairs)
    for name in {name for name, _ in pairs}:
        expected = [value for other, value in pairs if other.lower() == name.lower()]
        assert headers.get_all(name.upper()) == expected


def test_headers_differ_from_what_is_no_mapping() -> None:
    assert Headers() != []
    assert Headers({"A": "b"}) != {"a": "c"}
    assert Headers({"A": "1"}) == {"a": 1}


def test_headers_can_be_built_from_every_form() -> None:
    pairs = (("A", "b"),)
    for source in (
        pairs,
        {"A": "b"},
        Headers(pairs),
        MutableHeaders(pairs),
        iter(pairs),
    ):
        assert Headers(source).pairs == pairs
