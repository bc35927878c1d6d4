"""What the message of a status error quotes from the body."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lexigram.contracts.web import HttpResponse, HTTPStatusError


def said(**parts: Any) -> str:
    return HTTPStatusError(HttpResponse(422, **parts)).args[0]


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        ({"message": "No such invoice."}, "No such invoice."),
        ({"detail": "Not found."}, "Not found."),
        ({"error": "invalid_grant"}, "invalid_grant"),
        (
            {"error": "invalid_grant", "error_description": "The code has expired."},
            "The code has expired.",
        ),
        (
            {"error": {"message": "Rate limit.", "type": "x"}, "title": "t"},
            "Rate limit.",
        ),
        ({"error": {"code": 7}, "title": "Broken"}, "Broken"),
        ({"message": "two\n  lines"}, "two lines"),
        ({"message": "api_key=s3cret is wrong"}, "api_key=*** is wrong"),
        ({"message": "x" * 300}, f"{'x' * 200}…"),
    ],
)
def test_a_message_in_json_is_quoted(body: object, detail: str) -> None:
    assert said(json=body) == f"The server answered 422 ({detail})."
    vendor = {"Content-Type": "application/vnd.partner+json; charset=utf-8"}
    assert said(json=body, headers=vendor) == f"The server answered 422 ({detail})."


@pytest.mark.parametrize(
    "body", [{}, [], "message", None, {"message": 7}, {"error": {"code": 1}}, [["a"]]]
)
def test_json_without_a_message_says_nothing(body: object) -> None:
    assert said(json=body) == "The server answered 422."


def test_plain_text_is_quoted_and_a_page_is_not() -> None:
    assert said(text="  upstream\tgone\n") == "The server answered 422 (upstream gone)."
    page = {"Content-Type": "text/html"}
    assert said(body=b"<p>Sorry", headers=page) == "The server answered 422."


def test_a_large_body_is_not_looked_into() -> None:
    large = {"message": "here", "rest": "x" * 9000}
    assert said(json=large) == "The server answered 422."


def test_problem_details_come_first() -> None:
    headers = {"Content-Type": "application/problem+json"}
    problem = {"title": "Out of credit", "detail": "30 missing", "message": "no"}
    error = HTTPStatusError(HttpResponse(403, json=problem, headers=headers))
    assert error.problem == problem
    assert error.args[0] == "The server answered 403 (Out of credit: 30 missing)."


@given(st.binary(max_size=300), st.sampled_from(["application/json", "text/plain"]))
def test_no_body_makes_an_error_fail_or_grow(body: bytes, kind: str) -> None:
    message = said(body=body, headers={"Content-Type": kind})
    assert message.startswith("The server answered 422")
    assert len(message) < 250
    assert "\n" not in message
