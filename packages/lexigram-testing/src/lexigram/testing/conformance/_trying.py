"""Trying one behaviour, which may be expected to fail."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import ParamSpec
from unittest import SkipTest

from lexigram.contracts.suggestions import did_you_mean
from lexigram.testing._calls.failures import TestKitFailure
from lexigram.testing.conformance._behaviour import Behaviour
from lexigram.testing.conformance._report import Verdict

__all__ = ["check_expected", "tried"]

P = ParamSpec("P")


def check_expected(
    expected_failures: Mapping[str, str], known: Collection[str]
) -> None:
    """Refuse an expected failure of no behaviour, or without a reason.

    Raises:
        ValueError: Names it.
    """
    for name, reason in expected_failures.items():
        if name not in known:
            raise ValueError(
                f"`expected_failures` has {name!r}, which is no behaviour. "
                f"{did_you_mean(name, known)}"
            )
        if not reason.strip():
            raise ValueError(
                f"`expected_failures` has {name!r} without a reason. Say why it fails: "
                f'{{"{name}": "no redirects yet"}}.'
            )


async def tried(
    behaviour: Behaviour[P],
    attempt: Callable[[Behaviour[P]], Awaitable[None]],
    expected_failures: Mapping[str, str],
) -> Verdict:
    """Try one behaviour."""
    reason = expected_failures.get(behaviour.id)
    try:
        await attempt(behaviour)
    except SkipTest as skipped:
        return Verdict(behaviour, "skipped", str(skipped))
    except (Exception, TestKitFailure, asyncio.CancelledError) as error:
        if _is_ours(error):
            raise
        if reason is not None:
            return Verdict(behaviour, "expected_failure", reason, error)
        return Verdict(behaviour, "failed", f"{type(error).__name__}: {error}", error)
    if reason is not None:
        return Verdict(
            behaviour,
            "unexpected_pass",
            f"It works now: take {behaviour.id!r} ({reason!r}) out of "
            "`expected_failures`.",
        )
    return Verdict(behaviour, "passed")


def _is_ours(error: BaseException) -> bool:
    """Say whether a cancellation was meant for whoever tries, not for the tried."""
    task = asyncio.current_task()
    return (
        isinstance(error, asyncio.CancelledError)
        and task is not None
        and task.cancelling() > 0
    )
