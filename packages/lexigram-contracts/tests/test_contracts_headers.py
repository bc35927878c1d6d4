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
    number: object = 1
    assert number not in headers
    assert headers.get("x") is None
    assert headers.get_all("x") == []
    with pytest.raises(KeyError) as caught:
        headers["X-No"]
    assert caught.value.args == ("X-No",)


def test_assignment_replaces_and_add_repeats() -> None:
    headers = MutableHeaders(PAIRS)
    headers["VARY"] = "Cookie"
    headers.add("Vary", "Range")
    assert headers.get_all("vary") == ["Cookie", "Range"]
    headers.setdefault("x-vary", "1")
    headers.setdefault("VARY", "never")
    del headers["set-cookie"]
    assert headers.pairs == (("VARY", "Cookie"), ("Vary", "Range"), ("x-vary", "1"))
    with pytest.raises(KeyError) as caught:
        del headers["Set-Cookie"]
    assert caught.value.args == ("Set-Cookie",)


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


def test_a_deleted_name_is_gone_at_once_and_the_others_are_not() -> None:
    headers = MutableHeaders(PAIRS)
    assert "vary" in headers
    del headers["VARY"]
    assert "vary" not in headers
    assert headers.get_all("vary") == []
    assert headers.get_all("set-cookie") == ["a=1", "b=2"]
    assert len(headers) == 1


def test_a_field_added_after_a_look_up_is_found() -> None:
    headers = MutableHeaders()
    assert headers.get("a") is None
    headers.add("A", "1")
    headers.add("a", "2")
    assert headers["A"] == "1, 2"


@given(st.lists(st.tuples(st.sampled_from(["ß", "SS", "ss", "A", "a"]), st.just("1"))))
def test_as_many_names_are_iterated_over_as_are_counted(
    pairs: list[tuple[str, str]],
) -> None:
    headers = Headers(pairs)
    names = list(headers)
    assert len(names) == len(headers) == len({name.lower() for name in names})
    assert all(name in headers for name in names)


def test_raw_fields_are_read_as_utf_8_or_else_as_latin_1() -> None:
    raw = [(b"A", "é".encode()), (b"a", b"\xe9"), (b"\xe9", b"")]
    headers = Headers.from_raw(raw)
    assert headers.pairs == (("A", "é"), ("a", "é"), ("é", ""))
    assert headers.pairs == headers.copy().pairs
    assert Headers.from_raw(raw)["A"] == "é, é"


def test_the_kind_is_kept_by_copies_and_raw_fields_and_shown() -> None:
    for kind in (Headers, MutableHeaders):
        assert type(kind(PAIRS).copy()) is kind
        assert type(kind.from_raw([])) is kind
        assert repr(kind.from_raw([(b"A", b"b"), (b"Cookie", b"c")])) == (
            f"{kind.__name__}([('A', 'b'), ('Cookie', '***')])"
        )
