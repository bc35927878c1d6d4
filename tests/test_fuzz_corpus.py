"""What fuzzing is begun with, and what it found: every input that is kept, once."""

import json
from pathlib import Path
from typing import Any

import pytest
from fuzzing.targets import CORPUS, TARGETS, kept
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

INPUTS = [(name, path) for name in TARGETS for path in kept(name)]
MOST_INPUTS = 120
LARGEST = 4096


@pytest.mark.parametrize(
    ("name", "path"), INPUTS, ids=[f"{name}/{path.name}" for name, path in INPUTS]
)
def test_what_a_target_promises_holds_for_what_is_kept(name: str, path: Path) -> None:
    TARGETS[name](path.read_bytes())


@st.composite
def like_what_is_kept(draw: st.DrawFn, name: str) -> bytes:
    """Draw an input of a target with a few places changed, some of them by others."""
    contents = [path.read_bytes() for path in kept(name)]
    data = draw(st.sampled_from(contents))
    other = draw(st.sampled_from(contents))
    for _ in range(draw(st.integers(0, 4))):
        start = draw(st.integers(0, len(data)))
        end = start + draw(st.integers(0, 8))
        piece = other[start:end] if draw(st.booleans()) else draw(st.binary(max_size=8))
        data = data[:start] + piece + data[end:]
    return data


@pytest.mark.parametrize("name", TARGETS)
@given(data=st.data())
@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow])
def test_what_a_target_promises_holds_for_what_is_like_it(
    name: str, data: st.DataObject
) -> None:
    TARGETS[name](data.draw(like_what_is_kept(name) | st.binary(max_size=64)))


CASSETTES = [
    json.loads(path.read_bytes())
    for path in kept("cassette")
    if path.name in {"good", "error", "base64"}
]
FIELDS = [
    "attempts", "base64", "body", "charset", "code", "error", "failure", "headers",
    "json", "layout", "limit", "message", "method", "phase", "query", "request",
    "request_sent", "response", "retryable", "status", "text", "url",
]  # fmt: skip
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=8)
    | st.sampled_from(["http.timeout", "http.retry_exhausted", "compact", "utf-8"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(FIELDS), inner, max_size=3)
    ),
    max_leaves=5,
)


@st.composite
def with_another_value(draw: st.DrawFn, value: Any) -> Any:
    """Draw a JSON value that differs in one place: another value, or one field more."""
    if isinstance(value, dict) and value and draw(st.booleans()):
        names = st.sampled_from([*value, *value, draw(st.sampled_from(FIELDS))])
        name = draw(names)
        return value | {name: draw(with_another_value(value.get(name)))}
    if isinstance(value, list) and value and draw(st.booleans()):
        return [draw(with_another_value(value[0])), *value[1:]]
    return draw(VALUES)


@given(
    value=st.sampled_from(CASSETTES)
    .flatmap(with_another_value)
    .flatmap(with_another_value)
)
def test_a_cassette_with_something_else_in_it_is_read_or_refused(value: Any) -> None:
    TARGETS["cassette"](json.dumps(value).encode())


def test_every_folder_of_the_corpus_belongs_to_a_target() -> None:
    assert {folder.name for folder in CORPUS.iterdir()} == set(TARGETS)


def test_the_corpus_stays_small() -> None:
    assert len(INPUTS) <= MOST_INPUTS
    assert max(path.stat().st_size for _, path in INPUTS) <= LARGEST
