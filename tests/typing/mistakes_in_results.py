# mypy: ignore-errors
"""Mistakes with results, and what each checker says of them."""

from typing import assert_never

from lexigram.contracts.web import HTTPClientError, HttpResponse, HTTPStatusError
from lexigram.result import Err, Ok, Result


def a_misspelt_method(result: Result[int, str]) -> None:
    result.unwarp()  # error: union-attr | reportAttributeAccessIssue


def an_error_taken_for_a_value(result: Result[int, str]) -> int:
    return result.error  # error: return-value | reportReturnType


def a_result_taken_for_its_value(result: Result[int, str]) -> int:
    return result  # error: return-value | reportReturnType


def a_method_that_narrows_nothing(result: Result[int, str]) -> Ok[int]:
    if result.is_ok():
        return result  # error: return-value | reportReturnType
    return Ok(0)


def assignment_to_an_ok(ok: Ok[int]) -> None:
    ok.value = 2  # error: misc | reportAttributeAccessIssue


def assignment_to_an_err(err: Err[str]) -> None:
    err.error = ""  # error: misc | reportAttributeAccessIssue


def a_match_that_forgets_the_error(result: Result[int, str]) -> int:
    match result:
        case Ok(value):
            return value
        case _:
            assert_never(result)  # error: arg-type | reportArgumentType


def a_match_that_forgets_the_guard(result: Result[int, str]) -> int:
    match result:
        case Ok(value) if value:
            return value
        case Err():
            return 0
        case _:
            assert_never(result)  # error: arg-type | reportArgumentType


def a_wider_error(
    result: Result[int, HTTPClientError],
) -> Result[int, HTTPStatusError]:
    return result  # error: return-value | reportReturnType


def a_default_of_another_type(result: Result[int, str]) -> int:
    return result.unwrap_or("none")  # error: return-value | reportReturnType


def a_function_of_another_argument(result: Result[int, str]) -> None:
    result.map(len)  # error: arg-type | reportArgumentType


def a_step_that_returns_no_result(result: Result[int, str]) -> None:
    result.and_then(str)  # error: arg-type | reportArgumentType


class Special(Ok[int]):  # error: misc | reportGeneralTypeIssues
    """Nobody else's success."""


def a_decoder_of_text(response: HttpResponse) -> None:
    def decode(text: str) -> int:
        return len(text)

    response.decode(decode)  # error: arg-type | reportArgumentType


def assignment_to_a_header(response: HttpResponse) -> None:
    response.headers["X"] = "y"  # error: index | reportIndexIssue
