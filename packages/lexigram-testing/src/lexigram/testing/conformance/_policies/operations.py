"""Operations under a policy, and what is said of their outcomes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from lexigram.contracts.resilience import Call, Judgement

__all__ = ["Notes", "Script", "Trouble", "Unstoppable", "call_of", "cancelled"]

_BAD: Final = "bad"


class Trouble(Exception):  # noqa: N818 - it stands for any
    """A failure of the upstream, worth another attempt."""


class Unstoppable(BaseException):
    """No `Exception`, like `KeyboardInterrupt`."""


class Script:
    """An operation with one outcome after the other; the last one stays.

    An exception is raised, a future awaited, anything else returned.
    """

    def __init__(self, *outcomes: Any) -> None:
        self._outcomes = outcomes
        self.count = 0
        self.runs = asyncio.Event()

    async def __call__(self) -> Any:
        """Have the next outcome."""
        outcome = self._outcomes[min(self.count, len(self._outcomes) - 1)]
        self.count += 1
        self.runs.set()
        await asyncio.sleep(0)
        if asyncio.isfuture(outcome):
            return await outcome
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome


async def cancelled(task: asyncio.Task[Any], when: asyncio.Event) -> bool:
    """Cancel a task at a certain point, and say whether that is how it ended."""
    point = asyncio.ensure_future(when.wait())
    await asyncio.wait({task, point}, return_when=asyncio.FIRST_COMPLETED)
    await asyncio.sleep(0)
    point.cancel()
    task.cancel()
    await asyncio.wait({task})
    return task.cancelled()


@dataclass
class Notes:
    """What a policy asked and released."""

    judged: list[tuple[Any, BaseException | None]] = field(default_factory=list[Any])
    discarded: list[Any] = field(default_factory=list[Any])


def call_of(
    notes: Notes | None = None,
    *,
    key: str = "https://api.test:443",
    repeatable: bool = True,
    repeats: bool = False,
    deadline: float | None = None,
    judge: Callable[[Any, BaseException | None], Judgement] | None = None,
    retry_after: float | None = None,
) -> Call[Any]:
    """Return a call whose judge takes `Trouble` and results that begin "bad" for failures."""
    kept = notes or Notes()

    def judged(result: Any, error: BaseException | None) -> Judgement:
        kept.judged.append((result, error))
        if judge is not None:
            return judge(result, error)
        if isinstance(error, Trouble) or str(result).startswith(_BAD):
            return Judgement("failure", retryable=True, retry_after=retry_after)
        return Judgement("neutral" if error else "success")

    return Call(
        key=key,
        operation="GET",
        repeatable=repeatable,
        repeats=repeats,
        deadline=deadline,
        judge=judged,
        discard=kept.discarded.append,
    )
