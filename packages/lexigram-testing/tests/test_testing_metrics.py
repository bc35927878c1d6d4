"""The metrics recorder."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lexigram.contracts.metrics import MetricsRecorderProtocol
from lexigram.testing import InMemoryMetrics


def _recorded() -> InMemoryMetrics:
    metrics = InMemoryMetrics()
    metrics.increment("http.requests", tags={"host": "a", "method": "GET"})
    metrics.increment("http.requests", 2, tags={"host": "b", "method": "GET"})
    metrics.increment("http.requests", tags={"host": "a", "method": "GET"})
    metrics.gauge("pool.size", 3, tags={"host": "a"})
    metrics.gauge("pool.size", 1, tags={"host": "a"})
    metrics.gauge("pool.size", 5, tags={"host": "b"})
    metrics.histogram("http.duration", 0.5)
    metrics.histogram("http.duration", 0.25, tags={"host": "a"})
    return metrics


def test_it_is_a_metrics_recorder() -> None:
    recorder: MetricsRecorderProtocol = InMemoryMetrics()
    assert isinstance(recorder, MetricsRecorderProtocol)


def test_a_counter_is_summed_over_the_tags_that_were_not_asked_for() -> None:
    metrics = _recorded()
    assert metrics.value("http.requests") == 4
    assert metrics.value("http.requests", method="GET") == 4
    assert metrics.value("http.requests", host="a") == 2
    assert metrics.value("http.requests", host="c") == 0


def test_a_gauge_has_its_last_value() -> None:
    metrics = _recorded()
    assert metrics.value("pool.size", host="a") == 1
    assert metrics.value("pool.size") == 6


def test_observations_are_kept_in_order() -> None:
    metrics = _recorded()
    assert metrics.observations("http.duration") == [0.5, 0.25]
    assert metrics.observations("http.duration", host="a") == [0.25]


def test_names_and_series_show_what_there_is() -> None:
    metrics = _recorded()
    assert metrics.names() == ["http.duration", "http.requests", "pool.size"]
    assert metrics.series("http.requests") == {
        frozenset({("host", "a"), ("method", "GET")}): [1, 1],
        frozenset({("host", "b"), ("method", "GET")}): [2],
    }


def test_what_was_emitted_is_asserted_with_its_value_and_tags() -> None:
    metrics = _recorded()
    metrics.assert_emitted("http.requests")
    metrics.assert_emitted("http.requests", value=2, host="b")
    metrics.assert_emitted("http.duration", value=0.25)
    metrics.assert_emitted("pool.size", value=1, host="a")


def test_a_name_that_was_not_emitted_is_answered_with_the_closest() -> None:
    with pytest.raises(AssertionError) as caught:
        _recorded().assert_emitted("http.request")
    assert str(caught.value) == (
        "http.request{} was not emitted. Did you mean 'http.requests'? Its series:\n"
        "  http.requests{host='a', method='GET'}: [1, 1]\n"
        "  http.requests{host='b', method='GET'}: [2]"
    )


def test_a_name_like_no_other_is_answered_with_all_that_there_are() -> None:
    with pytest.raises(AssertionError) as caught:
        _recorded().assert_emitted("zzz", host="a")
    assert str(caught.value) == (
        "zzz{host='a'} was not emitted. "
        "Known are 'http.duration', 'http.requests', 'pool.size'."
    )
    with pytest.raises(
        AssertionError, match=r"^zzz\{\} was not emitted. Nothing was.$"
    ):
        InMemoryMetrics().assert_emitted("zzz")


def test_what_must_not_be_emitted_is_asserted_by_name_and_tags() -> None:
    metrics = _recorded()
    metrics.assert_not_emitted("http.retries")
    metrics.assert_not_emitted("http.requests", host="c")
    with pytest.raises(AssertionError) as caught:
        metrics.assert_not_emitted("http.requests", host="b")
    assert str(caught.value) == (
        "http.requests{host='b'} was emitted. Its series:\n"
        "  http.requests{host='a', method='GET'}: [1, 1]\n"
        "  http.requests{host='b', method='GET'}: [2]"
    )


def test_a_tag_may_have_as_many_values_as_expected() -> None:
    _recorded().assert_cardinality("http.requests", "host", at_most=2)
    _recorded().assert_cardinality("http.duration", "host", at_most=1)


def test_a_tag_with_too_many_values_is_told_with_the_values() -> None:
    with pytest.raises(AssertionError) as caught:
        _recorded().assert_cardinality("http.requests", "host", at_most=1)
    assert str(caught.value) == (
        "Tag 'host' of http.requests has 2 values, expected at most 1: 'a', 'b'."
    )


def test_a_flood_of_values_is_shortened() -> None:
    metrics = InMemoryMetrics()
    for number in range(200):
        metrics.increment("http.requests", tags={"url": f"/users/{number:03}"})
    with pytest.raises(
        AssertionError, match=r"has 200 values.*'/users/009' and 190 more\.$"
    ):
        metrics.assert_cardinality("http.requests", "url", at_most=20)


@pytest.mark.parametrize(
    ("name", "tag", "message"),
    [
        (
            "http.request",
            "host",
            "http.request was not emitted. Did you mean 'http.requests'?",
        ),
        (
            "http.requests",
            "hots",
            "http.requests has no tag 'hots'. Did you mean 'host'?",
        ),
    ],
)
def test_nothing_is_said_of_a_tag_that_is_not_there(
    name: str, tag: str, message: str
) -> None:
    with pytest.raises(AssertionError) as caught:
        _recorded().assert_cardinality(name, tag, at_most=100)
    assert str(caught.value).startswith(message)


def test_fewer_values_than_one_cannot_be_expected() -> None:
    with pytest.raises(ValueError, match="at_most=0"):
        _recorded().assert_cardinality("http.requests", "host", at_most=0)


def test_a_tag_may_be_called_name() -> None:
    metrics = InMemoryMetrics()
    metrics.increment("jobs", tags={"name": "nightly"})
    metrics.assert_emitted("jobs", value=1, name="nightly")
    metrics.assert_not_emitted("jobs", name="weekly")


def test_after_a_reset_there_is_nothing() -> None:
    metrics = _recorded()
    metrics.reset()
    assert metrics.names() == []
    assert metrics.value("pool.size") == 0


_TAGS = st.dictionaries(st.sampled_from("ab"), st.sampled_from("xyz"))


@given(st.lists(st.tuples(st.integers(1, 9), _TAGS)), _TAGS)
def test_a_counter_is_the_sum_of_all_increments_that_have_the_tags(
    increments: list[tuple[int, dict[str, str]]], asked: dict[str, str]
) -> None:
    metrics = InMemoryMetrics()
    for by, tags in increments:
        metrics.increment("n", by, tags)

    expected = sum(by for by, tags in increments if asked.items() <= tags.items())
    assert metrics.value("n", **asked) == expected
    assert sum(map(sum, metrics.series("n").values())) == sum(n for n, _ in increments)


@pytest.mark.parametrize(
    ("name", "value", "tags", "message"),
    [
        (
            "http.requests",
            None,
            {"host": "c"},
            (
                "http.requests{host='c'} was not emitted. Its series:\n"
                "  http.requests{host='a', method='GET'}: [1, 1]\n"
                "  http.requests{host='b', method='GET'}: [2]"
            ),
        ),
        (
            "http.duration",
            2.5,
            {},
            (
                "http.duration{} is not 2.5. Its series:\n"
                "  http.duration{}: [0.5]\n"
                "  http.duration{host='a'}: [0.25]"
            ),
        ),
        (
            "pool.size",
            3,
            {"host": "a"},
            (
                "pool.size{host='a'} is not 3. Its series:\n"
                "  pool.size{host='a'}: [3, 1]\n"
                "  pool.size{host='b'}: [5]"
            ),
        ),
    ],
)
def test_a_failure_shows_every_series_of_the_name(
    name: str, value: float | None, tags: dict[str, str], message: str
) -> None:
    with pytest.raises(AssertionError) as caught:
        _recorded().assert_emitted(name, value=value, **tags)
    assert str(caught.value) == message
