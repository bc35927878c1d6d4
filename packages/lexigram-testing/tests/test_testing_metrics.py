"""The metrics recorder."""

import pytest

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
        "http.request{} was not emitted. Did you mean 'http.requests'?"
    )


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
