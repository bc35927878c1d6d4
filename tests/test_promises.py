"""No promise without a test, and no test named that is not there."""

from pathlib import Path

import promises
import pytest


def test_every_promise_is_proved_and_the_document_says_how() -> None:
    assert list(promises.problems()) == []


def test_the_tests_that_are_known_are_those_that_are_collected() -> None:
    here = f"tests/{Path(__file__).name}"
    assert {test for test in promises.known() if test.startswith(here)} == {
        f"{here}::{name}" for name in globals() if name.startswith("test_")
    }


def test_an_id_is_given_once() -> None:
    every = [*promises.written(), *promises.traps(), *promises.claims()]
    ids = [promise.id for promise in every]
    ids += [
        name for suite in promises.suites() for name, _ in promises.behaviours(suite)
    ]
    assert len(ids) == len(set(ids))


@pytest.fixture
def security(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a copy of SECURITY.md to spoil."""
    copy = tmp_path / "SECURITY.md"
    copy.write_text(promises.SECURITY.read_text())
    monkeypatch.setattr(promises, "SECURITY", copy)
    return copy


@pytest.mark.parametrize(
    ("before", "after", "problem"),
    [
        ("SEC-31", "SEC-99", "SECURITY.md names SEC-99, which is no promise"),
        ("SEC-31", "", "SEC-31 does not stand in SECURITY.md"),
    ],
)
def test_what_security_says_is_promised_and_the_other_way_round(
    security: Path, before: str, after: str, problem: str
) -> None:
    security.write_text(security.read_text().replace(before, after))
    assert problem in list(promises.problems())


@pytest.mark.parametrize(
    ("before", "after", "problem"),
    [
        ('"check.py::soak"', '"check.py::sauna"', "REL-02 names check.py::sauna"),
        (
            "test_http_tls.py::test_a_pinned",
            "test_x.py::test_a",
            "SEC-21 names lexigram",
        ),
        (
            'tests = ["lexigram-http/test_http_redirects.py',
            'tests = [] # "',
            "SEC-03 has",
        ),
    ],
)
def test_a_promise_without_its_test_is_a_problem(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    before: str,
    after: str,
    problem: str,
) -> None:
    text = promises.SOURCE.read_text()
    assert before in text
    spoilt = tmp_path / "promises.toml"
    spoilt.write_text(text.replace(before, after, 1))
    monkeypatch.setattr(promises, "SOURCE", spoilt)
    assert [one for one in promises.problems() if one.startswith(problem)]


def test_a_document_that_was_left_behind_is_a_problem(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = tmp_path / "promises.md"
    old.write_text(promises.document().replace("SEC-01", "SEC-00"))
    monkeypatch.setattr(promises, "DOCUMENT", old)
    (problem,) = promises.problems()
    assert problem.startswith("promises.md is not up to date")
