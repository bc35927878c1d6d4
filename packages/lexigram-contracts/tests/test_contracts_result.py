"""`Result` behaves the same whichever way it is asked."""

import copy
import pickle
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lexigram.result import (
    Err,
    Ok,
    Result,
    UnwrapError,
    acatch,
    catch,
    collect,
    is_err,
    is_ok,
    partition,
)


def test_ok_has_a_value_and_no_error() -> None:
    result = Ok(1)
    assert result
    assert result.is_ok()
    assert not result.is_err()
    assert result.unwrap() == result.value == result.expect("never shown") == 1
    assert not hasattr(result, "error")


def test_err_has_an_error_and_no_value() -> None:
    result = Err("late")
    assert not result
    assert result.is_err()
    assert not result.is_ok()
    assert result.unwrap_err() == result.error == "late"
    assert not hasattr(result, "value")


@pytest.mark.parametrize("ask", [lambda r: r.value, lambda r: r.unwrap()])
def test_unwrapping_an_err_keeps_its_exception_as_the_cause(
    ask: Callable[[Result[int, Exception]], object],
) -> None:
    cause = ValueError("boom")
    with pytest.raises(UnwrapError) as caught:
        ask(Err(cause))
    assert caught.value.__cause__ is cause


@pytest.mark.parametrize("ask", [lambda r: r.error, lambda r: r.unwrap_err()])
def test_asking_an_ok_for_its_error_says_what_it_holds(
    ask: Callable[[Result[int, str]], object],
) -> None:
    with pytest.raises(UnwrapError, match=r"Ok\(value=1\) has no error"):
        ask(Ok(1))


def test_expect_puts_the_message_before_the_error() -> None:
    with pytest.raises(UnwrapError, match="no invoice: late"):
        Err("late").expect("no invoice")


def test_or_raise_raises_the_error_itself_or_what_is_made_of_it() -> None:
    boom = ValueError("boom")
    with pytest.raises(ValueError, match="boom") as caught:
        Err(boom).or_raise()
    assert caught.value is boom
    with pytest.raises(LookupError, match="wrapped boom") as wrapped:
        Err(boom).or_raise(lambda e: LookupError(f"wrapped {e}"))
    assert wrapped.value.__cause__ is boom
    with pytest.raises(UnwrapError, match="no exception to raise"):
        Err("text").or_raise()
    assert Ok(1).or_raise() == 1


def test_defaults_are_used_by_err_only() -> None:
    assert Ok(1).unwrap_or(2) == 1
    assert Err("x").unwrap_or(2) == 2
    assert Ok(1).unwrap_or_else(lambda _: 2) == 1
    assert Err("four").unwrap_or_else(len) == 4


def half(n: int) -> Result[int, str]:
    return Ok(n // 2) if n % 2 == 0 else Err(f"{n} is odd")


async def ahalf(n: int) -> Result[int, str]:
    return half(n)


def test_chains_stop_at_the_first_err() -> None:
    assert half(8).and_then(half).map(str) == Ok("2")
    assert half(6).and_then(half).map(str) == Err("3 is odd")
    assert half(3).map_err(len) == Err(8)
    assert half(4).map_err(len) == Ok(2)
    assert half(3).or_else(lambda _: Ok(0)) == Ok(0)
    assert half(4).or_else(lambda _: Ok(0)) == Ok(2)


async def test_async_chains_stop_at_the_first_err() -> None:
    async def text(n: int) -> str:
        return str(n)

    assert await half(4).map_async(text) == Ok("2")
    assert await half(3).map_async(text) == Err("3 is odd")
    assert await half(8).and_then_async(ahalf) == Ok(2)
    assert await half(3).and_then_async(ahalf) == Err("3 is odd")


def test_results_can_be_made_with_their_types_written_out() -> None:
    assert Ok[int](1) == Ok(1)
    assert Err[str]("x") == Err("x")


def test_results_have_no_room_for_other_attributes() -> None:
    assert not hasattr(Ok(1), "__dict__")
    assert not hasattr(Err(1), "__dict__")


def test_a_result_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        Ok(1).value = 2  # type: ignore[misc]  # the point of the test


@given(st.one_of(st.builds(Ok, st.integers()), st.builds(Err, st.text())))
def test_results_survive_pickling_and_copying(result: Result[int, str]) -> None:
    assert pickle.loads(pickle.dumps(result)) == result
    assert copy.deepcopy(result) == result == copy.copy(result)
    assert hash(result) == hash(copy.copy(result))


@given(st.lists(st.one_of(st.builds(Ok, st.integers()), st.builds(Err, st.text()))))
def test_partition_keeps_everything_and_collect_the_first_error(
    results: list[Result[int, str]],
) -> None:
    values, errors = partition(results)
    assert values == [r.value for r in results if is_ok(r)]
    assert errors == [r.error for r in results if is_err(r)]
    assert collect(results) == (Err(errors[0]) if errors else Ok(values))


async def test_catch_returns_the_expected_exception_and_no_other() -> None:
    async def fail() -> int:
        raise KeyError("k")

    assert catch(ValueError, lambda: int("7")) == Ok(7)
    assert isinstance(catch(ValueError, lambda: int("x")).error, ValueError)
    with pytest.raises(ZeroDivisionError):
        catch(ValueError, lambda: 1 // 0)
    assert isinstance((await acatch(KeyError, fail())).error, KeyError)
    assert await acatch(KeyError, ahalf(2)) == Ok(Ok(1))


def test_an_err_goes_nowhere() -> None:
    assert half(3).and_then(half) == Err("3 is odd")
    assert half(3).and_then(half) is not None
    error = Err("x")
    assert error.and_then(half) is error
    assert error.map(len) is error
    ok = Ok(1)
    assert ok.map_err(len) is ok
    assert ok.or_else(len) is ok


def test_recovering_looks_at_the_error_and_going_on_at_the_value() -> None:
    assert Err("four").or_else(lambda e: Ok(len(e))) == Ok(4)
    assert Err("four").or_else(lambda e: Err(e * 2)) == Err("fourfour")
    assert Ok(3).and_then(lambda n: Err(n + 1)) == Err(4)


def test_what_is_made_of_an_error_that_is_no_exception_has_no_cause() -> None:
    with pytest.raises(LookupError, match="late") as caught:
        Err("late").or_raise(LookupError)
    assert caught.value.__cause__ is None


def test_expect_keeps_an_exception_as_the_cause() -> None:
    cause = ValueError("boom")
    with pytest.raises(UnwrapError) as caught:
        Err(cause).expect("no invoice")
    assert caught.value.__cause__ is cause
    with pytest.raises(UnwrapError) as plain:
        Err("boom").expect("no invoice")
    assert plain.value.__cause__ is None


def test_an_expectation_without_a_message_still_says_what_went_wrong() -> None:
    with pytest.raises(UnwrapError) as caught:
        Err("boom").expect("")
    assert str(caught.value) == ": boom"


async def test_several_exceptions_can_be_expected() -> None:
    async def fail() -> int:
        raise KeyError("k")

    expected = (KeyError, ValueError)
    assert catch(expected, lambda: int("7")) == Ok(7)
    assert isinstance(catch(expected, lambda: int("x")).error, ValueError)
    assert isinstance((await acatch(expected, fail())).error, KeyError)
    with pytest.raises(KeyError):
        await acatch(ValueError, fail())
