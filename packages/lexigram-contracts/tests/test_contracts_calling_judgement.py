"""What policies are told of a call and of its exchanges."""

import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lexigram.contracts.resilience import CallTimeoutError, Judgement
from lexigram.contracts.web import (
    RETRYABLE_STATUSES,
    HTTPConnectionError,
    HTTPDecodeError,
    HTTPInvalidRequestError,
    HttpResponse,
    HTTPTimeoutError,
    MutableHeaders,
    RequestContext,
)
from lexigram.contracts.web.calling import (
    IDEMPOTENT_METHODS,
    describe_call,
    judge,
    judge_by,
    retry_after,
)

NOW = datetime(1994, 11, 6, 8, 49, 7, tzinfo=UTC)


@pytest.mark.parametrize(
    ("status", "outcome", "retryable", "reason"),
    [
        (200, "success", False, ""),
        (302, "success", False, ""),
        (399, "success", False, ""),
        (400, "success", False, "400"),
        (404, "success", False, "404"),
        (408, "success", True, "408"),
        (429, "failure", True, "429"),
        (500, "failure", True, "500"),
        (501, "failure", False, "501"),
        (503, "failure", True, "503"),
    ],
)
def test_client_errors_prove_the_upstream_alive_and_overload_does_not(
    status: int, outcome: Any, retryable: Any, reason: str
) -> None:
    expected = Judgement(outcome, retryable=retryable, reason=reason)
    assert judge(HttpResponse(status), None) == expected


def test_the_wait_that_an_answer_asks_for_is_passed_on() -> None:
    busy = HttpResponse(503, headers={"Retry-After": "7"})
    assert judge(busy, None).retry_after == 7.0


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (
            HTTPTimeoutError("x", phase="total", limit=1.0, retryable=True),
            Judgement("failure", reason="timeout"),
        ),
        (
            CallTimeoutError("x", phase="attempt", limit=1.0),
            Judgement("failure", retryable=True, reason="timeout"),
        ),
        (
            CallTimeoutError("x", phase="total", limit=1.0),
            Judgement("failure", reason="timeout"),
        ),
        (
            HTTPConnectionError("x", failure="dns", retryable=True),
            Judgement("failure", retryable=True, reason="dns"),
        ),
        (
            HTTPConnectionError("x", failure="tls"),
            Judgement("failure", reason="tls"),
        ),
        (
            HTTPDecodeError("x", content_type="", request_sent="yes"),
            Judgement("success"),
        ),
        (HTTPInvalidRequestError("x"), Judgement("neutral")),
        (KeyError("x"), Judgement("neutral")),
        (KeyboardInterrupt(), Judgement("neutral")),
    ],
)
def test_the_transport_s_failures_count_and_those_of_others_do_not(
    error: BaseException, expected: Judgement
) -> None:
    assert judge(None, error) == expected


def asked(value: str) -> float | None:
    return retry_after(HttpResponse(503, headers={"Retry-After": value}))


def test_without_the_header_nothing_is_asked() -> None:
    assert retry_after(HttpResponse(503)) is None


@pytest.mark.parametrize(
    ("exact", "seconds"),
    [("250", 0.25), ("0", 0.0), ("1500.5", 1.5005), ("soon", 7.0), ("-1", 7.0)],
)
def test_milliseconds_are_more_exact_than_seconds(exact: str, seconds: float) -> None:
    headers = {"Retry-After": "7", "Retry-After-Ms": exact}
    assert retry_after(HttpResponse(503, headers=headers)) == seconds


@given(st.floats(min_value=0, max_value=1e12))
def test_seconds_are_read_as_they_are(seconds: float) -> None:
    assert asked(f" {seconds} ") == seconds


@pytest.mark.parametrize("value", ["", "-1", "nan", "inf", "soon", "Tue, 99 Foo 2026"])
def test_what_cannot_be_read_counts_as_absent(value: str) -> None:
    assert asked(value) is None


@pytest.mark.parametrize(
    "date",
    [
        "Sun, 06 Nov 1994 08:49:37 GMT",
        "Sunday, 06-Nov-94 08:49:37 GMT",
        "Sun Nov  6 08:49:37 1994",
        "Sun, 06 Nov 1994 08:49:37 -0000",
        "Sun, 06 Nov 1994 09:49:37 +0100",
    ],
)
def test_every_form_of_a_date_is_the_time_until_it(
    date: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Far from UTC, so that a form without a zone cannot pass for local time.
    monkeypatch.setenv("TZ", "Pacific/Auckland")
    time.tzset()
    try:
        with monkeypatch.context() as patch:
            patch.setattr(time, "time", NOW.timestamp)
            assert asked(date) == 30.0
    finally:
        monkeypatch.delenv("TZ")
        time.tzset()


@given(st.integers(min_value=-(10**8), max_value=10**8))
def test_a_date_in_the_past_asks_for_no_wait(seconds: int) -> None:
    date = format_datetime(NOW + timedelta(seconds=seconds), usegmt=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(time, "time", NOW.timestamp)
        assert asked(date) == max(0, seconds)


@given(st.text())
def test_no_value_of_the_header_raises(value: str) -> None:
    result = asked(value)
    assert result is None or result >= 0


@pytest.mark.parametrize(
    ("url", "key"),
    [
        ("https://api.test/v1?a=1", "https://api.test:443"),
        ("http://api.test", "http://api.test:80"),
        ("HTTPS://API.test:8443/", "https://api.test:8443"),
        ("http://me:pw@api.test:80/", "http://api.test:80"),
    ],
)
def test_the_origin_is_whose_state_a_call_touches(url: str, key: str) -> None:
    call = describe_call(RequestContext("PUT", url), {}, 12.5)
    assert (call.key, call.operation, call.deadline) == (key, "PUT", 12.5)
    assert call.judge is judge
    assert describe_call(RequestContext("PUT", url), {}, None).deadline is None


def repeatable(method: str, options: dict[str, Any], *fields: str) -> bool:
    headers = MutableHeaders([(name, "1") for name in fields])
    request = RequestContext(method, "http://h/", headers)
    return describe_call(request, options, None).repeatable


def test_what_is_safe_to_send_twice_may_be_repeated() -> None:
    methods = ["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE", "QUERY"]
    assert set(methods) == IDEMPOTENT_METHODS
    assert all(repeatable(method, {}) for method in methods)
    assert not repeatable("POST", {})
    assert not repeatable("PATCH", {})
    assert repeatable("POST", {}, "Idempotency-Key")


def test_a_caller_who_forbids_repetition_wins() -> None:
    assert not repeatable("GET", {"retry": False})
    assert not repeatable("POST", {"retry": False}, "Idempotency-Key")
    assert repeatable("GET", {"retry": True})
    assert not repeatable("POST", {"retry": True})


def test_other_statuses_than_the_usual_may_be_worth_repeating() -> None:
    verdict = judge_by({404})
    assert verdict(HttpResponse(404), None) == Judgement(
        "success", retryable=True, reason="404"
    )
    assert verdict(HttpResponse(503), None) == Judgement("failure", reason="503")
    assert verdict(HttpResponse(200), None) == Judgement("success")
    assert verdict(None, TimeoutError()) == Judgement("neutral")
    request = RequestContext("GET", "https://api.test/v1")
    assert describe_call(request, {}, None, verdict).judge is verdict


def test_the_usual_statuses_need_no_judge_of_their_own() -> None:
    assert judge_by(RETRYABLE_STATUSES) is judge
