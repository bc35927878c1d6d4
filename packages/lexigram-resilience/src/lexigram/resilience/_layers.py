"""Policies that let an attempt through or refuse it, and want to know how it ended.

They have two methods that return at once, so that a pipeline goes through all of them
without a coroutine for each. On its own, such a policy is run by `run_admitted`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final, Protocol, TypeVar

from lexigram.contracts.resilience import Call, CallRejectedError, Judgement

__all__ = ["NEUTRAL", "Layer", "run_admitted"]

T = TypeVar("T")

NEUTRAL: Final = Judgement("neutral")
"""What is said of an attempt that says nothing of the upstream: a cancelled one, too."""

_PLAIN_CALL: Final[Call[Any]] = Call()


class Layer(Protocol):
    """One of these policies."""

    def admit(self, key: str) -> Any:
        """Return the token of an attempt; whoever has it calls `record`, once.

        Raises:
            CallRejectedError: It must not be made.
        """
        ...

    def record(self, token: Any, judgement: Judgement) -> None:
        """Take back the token of an attempt that is over, however it ended."""
        ...


async def run_admitted(
    layer: Layer, operation: Callable[[], Awaitable[T]], call: Call[T] | None
) -> T:
    """Run `operation` once, if the policy lets it through.

    Raises:
        CallRejectedError: It does not; `operation` was not called.
        BaseException: Whatever `operation` raised, unchanged.
    """
    if call is None:
        call = _PLAIN_CALL
    token = layer.admit(call.key)
    # What stays when nothing below gets to say otherwise: cancellation, too.
    judgement = NEUTRAL
    try:
        result = await operation()
    except CallRejectedError:
        raise
    except Exception as error:  # judged, and raised again
        judgement = call.judge(None, error)
        raise
    else:
        judgement = call.judge(result, None)
        return result
    finally:
        layer.record(token, judgement)
