"""How metrics are written for Prometheus, whatever they are called by."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families
from pydantic import ValidationError

from lexigram.prometheus import PrometheusConfig, PrometheusRecorder

NAMES = st.text(min_size=1, max_size=12)
TAGS = st.dictionaries(st.text(min_size=1, max_size=6), st.text(max_size=6), max_size=3)


def read(recorder: PrometheusRecorder) -> dict[tuple[str, tuple[str, ...]], float]:
    """Return the values of a scrape by name and label values."""
    page = recorder.render().decode()
    return {
        (sample.name, tuple(sorted(sample.labels.values()))): sample.value
        for family in text_string_to_metric_families(page)
        for sample in family.samples
    }


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["increment", "gauge", "histogram"]),
            NAMES | st.sampled_from(["a", "a.b", "a_b", "a.total", "le", "__x"]),
            TAGS | st.fixed_dictionaries({"le": st.just("x"), "self": st.just("y")}),
        ),
        max_size=12,
    )
)
def test_whatever_is_recorded_the_page_can_be_read_and_names_no_series_twice(
    calls: list[tuple[str, str, dict[str, str]]],
) -> None:
    recorder = PrometheusRecorder(max_series=3)
    for method, name, tags in calls:
        getattr(recorder, method)(name, 1, tags)
    page = recorder.render().decode()
    families = list(text_string_to_metric_families(page))
    names = [family.name for family in families]
    assert len(names) == len(set(names))
    series = [
        (sample.name, tuple(sorted(sample.labels.items())))
        for family in families
        for sample in family.samples
    ]
    assert len(series) == len(set(series))


def test_labels_beyond_the_limit_are_counted_together_as_other() -> None:
    recorder = PrometheusRecorder(max_series=2)
    for key in ("a", "b", "c", "d", "a"):
        recorder.increment("calls", 1, {"key": key})
    assert read(recorder) == {
        ("calls_total", ("a",)): 2,
        ("calls_total", ("b",)): 1,
        ("calls_total", ("other",)): 2,
    }
    assert "1 metrics" in repr(recorder)
    with pytest.raises(ValueError, match="max_series=0"):
        PrometheusRecorder(max_series=0)


def test_one_name_may_come_with_different_tags_in_any_order() -> None:
    recorder = PrometheusRecorder()
    recorder.increment("calls")
    recorder.increment("calls", 1, {"a": "1"})
    recorder.increment("calls", 1, {"a": "1", "b": "2"})
    recorder.increment("calls", 1, {"b": "2", "a": "1"})
    assert read(recorder) == {
        ("calls_total", ()): 1,
        ("calls_total", ("1",)): 1,
        ("calls_total", ("1", "2")): 2,
    }


def test_a_name_of_several_kinds_is_several_metrics() -> None:
    recorder = PrometheusRecorder()
    recorder.increment("pool.open")
    recorder.gauge("pool.open", 7)
    found = read(recorder)
    assert found["pool_open_total", ()] == 1
    assert found["pool_open_gauge", ()] == 7


def test_durations_are_in_seconds_and_amounts_have_buckets_of_theirs() -> None:
    recorder = PrometheusRecorder(CollectorRegistry())
    recorder.histogram("queue.wait", 0.2)
    recorder.histogram("body.size", 5_000)
    found = read(recorder)
    assert found["queue_wait_seconds_bucket", ("0.1",)] == 0
    assert found["queue_wait_seconds_bucket", ("0.25",)] == 1
    assert found["body_size_bucket", ("3000.0",)] == 0
    assert found["body_size_bucket", ("10000.0",)] == 1


@pytest.mark.parametrize(
    "wrong", [{"port": -1}, {"port": 65536}, {"max_series": 0}, {"prot": 1}]
)
def test_a_configuration_out_of_bounds_is_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValidationError):
        PrometheusConfig.model_validate(wrong)
