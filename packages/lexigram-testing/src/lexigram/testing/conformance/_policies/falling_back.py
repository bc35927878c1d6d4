"""FALL-001 to 012: what `FallbackProtocol` asks of a fallback."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, TypeAlias

from lexigram.contracts.resilience import FallbackProtocol
from lexigram.testing.conformance._behaviour import behaviour
from lexigram.testing.conformance._expectations import (
    expect,
    expect_equal,
    expect_raised,
)
from lexigram.testing.conformance._implements import assert_implements
from lexigram.testing.conformance._policies.operations import (
    Notes,
    Script,
    Trouble,
    Unstoppable,
    call_of,
    cancelled,
)

FallbackFactory: TypeAlias = Callable[[], FallbackProtocol[Any]]
"""Makes a fallback that answers "instead" to whatever the judge of a call calls a
failure."""

_INSTEAD = "instead"


@behaviour("FALL-001")
async def implements_the_protocol(make: FallbackFactory) -> None:
    """The fallback has the protocol's method, with its parameters."""
    assert_implements(FallbackProtocol, make())


@behaviour("FALL-002")
async def a_good_result_is_returned(make: FallbackFactory) -> None:
    """A good result comes out unchanged, of one run, and is not discarded."""
    result, notes = object(), Notes()
    operation = Script(result)
    returned = await make().execute(operation, call_of(notes))
    expect(returned is result, f"{returned!r} is not what the operation returned.")
    expect_equal("The runs of the operation", operation.count, 1)
    expect_equal("The discarded results", notes.discarded, [])


@behaviour("FALL-003")
async def an_exception_is_covered_up(make: FallbackFactory) -> None:
    """An exception that the judge calls a failure is answered, without another run."""
    operation = Script(Trouble(), "good")
    result = await make().execute(operation, call_of())
    expect_equal("The answer", result, _INSTEAD)
    expect_equal("The runs of the operation", operation.count, 1)


@behaviour("FALL-004")
async def a_bad_result_is_covered_up(make: FallbackFactory) -> None:
    """A result that the judge calls a failure is answered, without another run."""
    operation = Script("bad", "good")
    result = await make().execute(operation, call_of())
    expect_equal("The answer", result, _INSTEAD)
    expect_equal("The runs of the operation", operation.count, 1)


@behaviour("FALL-005")
async def a_covered_result_is_discarded(make: FallbackFactory) -> None:
    """A result that is not returned is discarded, once."""
    notes = Notes()
    await make().execute(Script("bad"), call_of(notes))
    expect_equal("The discarded results", notes.discarded, ["bad"])


@behaviour("FALL-006")
async def of_an_exception_nothing_is_discarded(make: FallbackFactory) -> None:
    """Where the operation raised, there is no result to discard."""
    notes = Notes()
    await make().execute(Script(Trouble()), call_of(notes))
    expect_equal("The discarded results", notes.discarded, [])


@behaviour("FALL-007")
async def what_is_no_failure_comes_out(make: FallbackFactory) -> None:
    """An exception that the judge calls no failure comes out unchanged."""
    mistake = TypeError("a mistake")
    error = await expect_raised(TypeError, make().execute(Script(mistake), call_of()))
    expect(error is mistake, f"{error!r} is not what the operation raised.")


@behaviour("FALL-008")
async def cancellation_passes_through(make: FallbackFactory) -> None:
    """Cancellation is no failure."""
    running: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    operation = Script(running)
    task = asyncio.ensure_future(make().execute(operation, call_of()))
    passed = await cancelled(task, operation.runs)
    expect(passed, f"The cancelled call ended as {task!r}.")
    expect_equal("The runs of the operation", operation.count, 1)


@behaviour("FALL-009")
async def what_is_no_exception_comes_out(make: FallbackFactory) -> None:
    """Whatever is no `Exception` comes out unchanged."""
    stop = Unstoppable()
    error = await expect_raised(Unstoppable, make().execute(Script(stop)))
    expect(error is stop, f"{error!r} is not what the operation raised.")


@behaviour("FALL-010")
async def without_a_call_exceptions_are_failures(make: FallbackFactory) -> None:
    """Without a call, every exception is answered, and no result is."""
    fallback = make()
    result = await fallback.execute(Script(ValueError()))
    expect_equal("The answer", result, _INSTEAD)
    expect_equal("The result", await fallback.execute(Script("bad")), "bad")


@behaviour("FALL-011")
async def calls_at_once_do_not_mix(make: FallbackFactory) -> None:
    """One fallback serves many calls at once, each with its own answer."""
    fallback = make()
    operations = [Script(Trouble() if n % 3 == 0 else n) for n in range(30)]
    results = await asyncio.gather(
        *(fallback.execute(operation, call_of()) for operation in operations)
    )
    expected = [_INSTEAD if n % 3 == 0 else n for n in range(30)]
    expect_equal("The answers", results, expected)


@behaviour("FALL-012")
async def the_judge_sees_either(make: FallbackFactory) -> None:
    """The judge is given the result or the exception, never both or neither."""
    notes, fallback, trouble = Notes(), make(), Trouble()
    await fallback.execute(Script(trouble), call_of(notes))
    await fallback.execute(Script("bad"), call_of(notes))
    for result, error in notes.judged:
        expect(
            (result is None) != (error is None),
            f"The judge was asked of result {result!r} and exception {error!r}.",
        )
    expect((None, trouble) in notes.judged, "The judge was not asked of an exception.")
    expect(("bad", None) in notes.judged, "The judge was not asked of a result.")
