"""What a checker knows of a `Result` before, between and after its branches."""

from collections.abc import Callable, Iterable
from typing import Never, Protocol, assert_never, assert_type

from lexigram.contracts.web import HTTPClientError, HttpResponse, HTTPStatusError
from lexigram.result import (
    Err,
    Ok,
    Result,
    acatch,
    catch,
    collect,
    is_err,
    is_ok,
    partition,
)


class NotFoundError(Exception):
    """An exception of somebody's own."""


# Narrowing


def a_truth_test_narrows(result: Result[int, str]) -> None:
    if result:
        assert_type(result, Ok[int])
        assert_type(result.value, int)
    else:
        assert_type(result, Err[str])
        assert_type(result.error, str)


def a_negated_truth_test_narrows_what_follows(result: Result[int, str]) -> str:
    if not result:
        assert_type(result, Err[str])
        return result.error
    assert_type(result, Ok[int])
    return str(result.value)


def match_narrows_and_is_exhaustive(result: Result[int, str]) -> str:
    match result:
        case Ok(value):
            assert_type(result, Ok[int])
            assert_type(value, int)
            return str(value)
        case Err(error):
            assert_type(result, Err[str])
            assert_type(error, str)
            return error
        case _:
            assert_never(result)


def match_takes_keywords_and_guards(result: Result[int, str]) -> str:
    match result:
        case Ok(value=value) if value > 0:
            assert_type(value, int)
            return "positive"
        case Ok():
            return "other"
        case Err(error=error):
            assert_type(error, str)
            return error


def isinstance_narrows(result: Result[int, str]) -> None:
    if isinstance(result, Ok):
        assert_type(result, Ok[int])
        assert_type(result.value, int)
    else:
        assert_type(result, Err[str])
        assert_type(result.error, str)
    if isinstance(result, Err):
        assert_type(result, Err[str])


def the_free_functions_narrow_both_ways(result: Result[int, str]) -> None:
    if is_ok(result):
        assert_type(result, Ok[int])
        assert_type(result.value, int)
    else:
        assert_type(result, Err[str])
        assert_type(result.error, str)
    if is_err(result):
        assert_type(result, Err[str])
        assert_type(result.error, str)
    else:
        assert_type(result, Ok[int])
        assert_type(result.value, int)


def both_sides_are_exact_after_an_early_return(result: Result[int, str]) -> str:
    # A method narrows in no checker, so nothing here is narrowed; nothing needs to be.
    if result.is_err():
        assert_type(result.error, str)
        return result.error
    assert_type(result, Ok[int] | Err[str])
    assert_type(result.value, int)
    return str(result.value + 1)


def the_same_for_what_a_client_returns(
    result: Result[HttpResponse, HTTPClientError],
) -> Result[int, str]:
    if result.is_err():
        return Err(f"billing fetch failed: {result.error.url}")
    assert_type(result.value, HttpResponse)
    return Ok(result.value.status)


def the_absent_side_is_never(ok: Ok[int], err: Err[str]) -> None:
    assert_type(ok.value, int)
    assert_type(ok.error, Never)
    assert_type(err.value, Never)
    assert_type(err.error, str)


# Methods; their functions are annotated, so that no inference is what is proved.


def text_of(number: int) -> str:
    return str(number)


def length_of(text: str) -> int:
    return len(text)


def checked(number: int) -> Result[str, ValueError]:
    return Ok(str(number)) if number else Err(ValueError())


def recovered(text: str) -> Result[float, bytes]:
    return Ok(1.0) if text else Err(b"")


def as_exception(text: str) -> NotFoundError:
    return NotFoundError(text)


async def text_of_async(number: int) -> str:
    return str(number)


async def checked_async(number: int) -> Result[str, ValueError]:
    return checked(number)


def questions_have_answers(result: Result[int, str]) -> None:
    assert_type(result.is_ok(), bool)
    assert_type(result.is_err(), bool)


def a_result_is_unwrapped(result: Result[int, str]) -> None:
    assert_type(result.unwrap(), int)
    assert_type(result.unwrap_err(), str)
    assert_type(result.expect("a number"), int)
    assert_type(result.or_raise(as_exception), int)


def a_result_of_an_exception_raises_it(result: Result[int, NotFoundError]) -> None:
    assert_type(result.or_raise(), int)


def a_default_widens_by_its_own_type(result: Result[int, str]) -> None:
    assert_type(result.unwrap_or(0), int)
    assert_type(result.unwrap_or(None), int | None)
    assert_type(result.unwrap_or_else(length_of), int)
    assert_type(result.unwrap_or_else(as_exception), int | NotFoundError)


def one_side_is_mapped_and_the_other_kept(result: Result[int, str]) -> None:
    assert_type(result.map(text_of), Result[str, str])
    assert_type(result.map_err(length_of), Result[int, int])
    assert_type(result.map(text_of).map_err(as_exception), Result[str, NotFoundError])


def a_lambda_is_enough(result: Result[int, str]) -> None:
    assert_type(result.map(lambda number: number + 1), Result[int, str])
    assert_type(result.map_err(lambda error: error.encode()), Result[int, bytes])
    assert_type(result.unwrap_or_else(lambda error: len(error)), int)  # noqa: PLW0108


def a_chain_collects_every_error_it_may_end_in(result: Result[int, str]) -> None:
    assert_type(result.and_then(checked), Ok[str] | Err[ValueError] | Err[str])
    ended: Result[str, ValueError | str] = result.and_then(checked)
    assert_type(ended.unwrap_err(), ValueError | str)


def a_recovery_replaces_the_error(result: Result[int, str]) -> None:
    assert_type(result.or_else(recovered), Ok[int] | Ok[float] | Err[bytes])
    ended: Result[int | float, bytes] = result.or_else(recovered)
    assert_type(ended.unwrap_err(), bytes)


async def the_async_twins_agree(result: Result[int, str]) -> None:
    assert_type(await result.map_async(text_of_async), Result[str, str])
    assert_type(
        await result.and_then_async(checked_async),
        Ok[str] | Err[ValueError] | Err[str],
    )


async def every_method_of_ok_is_exact(ok: Ok[int]) -> None:
    assert_type(ok.unwrap(), int)
    assert_type(ok.expect("a number"), int)
    assert_type(ok.unwrap_or(None), int)
    assert_type(ok.unwrap_or_else(print), int)
    assert_type(ok.or_raise(), int)
    assert_type(ok.map(text_of), Ok[str])
    assert_type(ok.map_err(print), Ok[int])
    assert_type(ok.and_then(checked), Result[str, ValueError])
    assert_type(ok.or_else(print), Ok[int])
    assert_type(await ok.map_async(text_of_async), Ok[str])
    assert_type(await ok.and_then_async(checked_async), Result[str, ValueError])


async def every_method_of_err_is_exact(err: Err[str]) -> None:
    assert_type(err.unwrap_err(), str)
    assert_type(err.unwrap_or(None), None)
    assert_type(err.unwrap_or_else(length_of), int)
    assert_type(err.map(text_of), Err[str])
    assert_type(err.map_err(length_of), Err[int])
    assert_type(err.and_then(checked), Err[str])
    assert_type(err.or_else(recovered), Result[float, bytes])
    assert_type(await err.map_async(text_of_async), Err[str])
    assert_type(await err.and_then_async(checked_async), Err[str])


# As functions: a call that never returns would hide what follows it.
def unwrapping_an_err_never_returns(err: Err[str]) -> Callable[[], Never]:
    return err.unwrap


def expecting_a_value_of_an_err_never_returns(err: Err[str]) -> Callable[[str], Never]:
    return err.expect


def raising_an_err_never_returns(err: Err[str]) -> Callable[[], Never]:
    return err.or_raise


def unwrapping_the_error_of_an_ok_never_returns(ok: Ok[int]) -> Callable[[], Never]:
    return ok.unwrap_err


# Functions


def many_results_become_one(results: Iterable[Result[int, str]]) -> None:
    assert_type(collect(results), Result[list[int], str])
    assert_type(collect([checked(1), checked(2)]), Result[list[str], ValueError])


def many_results_are_split(results: Iterable[Result[int, str]]) -> None:
    values, errors = partition(results)
    assert_type(values, list[int])
    assert_type(errors, list[str])


def an_expected_exception_becomes_an_error() -> None:
    assert_type(catch(ValueError, lambda: int("1")), Result[int, ValueError])


def a_declared_result_says_which_exceptions() -> Result[int, KeyError | OSError]:
    return catch((KeyError, OSError), lambda: int("1"))


async def each_of_several_exceptions_becomes_an_error() -> None:
    result = catch((KeyError, OSError), lambda: int("1"))
    assert_type(result, Result[int, KeyError | OSError])
    awaited = await acatch((KeyError, OSError, ValueError), text_of_async(1))
    assert_type(awaited, Result[str, KeyError | OSError | ValueError])


async def an_expected_exception_of_an_awaitable_becomes_an_error() -> None:
    assert_type(await acatch(ValueError, text_of_async(1)), Result[str, ValueError])


async def a_declared_awaitable_result_says_which() -> Result[str, KeyError | OSError]:
    return await acatch((KeyError, OSError), text_of_async(1))


# Variance


def both_sides_are_covariant(
    result: Result[bool, HTTPStatusError],
) -> Result[int, HTTPClientError]:
    return result


def ok_is_a_result_of_any_error(ok: Ok[bool]) -> Result[int, str]:
    return ok


def err_is_a_result_of_any_value(
    err: Err[HTTPStatusError],
) -> Result[bytes, HTTPClientError]:
    return err


class Fetch(Protocol):
    """A port of a service, as wide as its callers need."""

    def __call__(self, number: int) -> Result[int, HTTPClientError]: ...


def fetch_flag(number: int) -> Result[bool, HTTPStatusError]:
    return Ok(number > 0)


fetch: Fetch = fetch_flag


class Store(Protocol):
    """The same, as a method and awaited."""

    async def find(self, key: str) -> Result[object, Exception]: ...


class Cache:
    """Promises more than `Store` asks for."""

    async def find(self, key: str) -> Result[bytes, NotFoundError]:
        return Ok(key.encode()) if key else Err(NotFoundError(key))


store: Store = Cache()
