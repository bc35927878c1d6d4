"""What the policies of one pipeline say of each other.

A combination is impossible when a part of it can never do anything, or does the opposite
of what it is there for; it is doubtful when that depends on the upstream, and loose when
it leaves to those who call what could be said here.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Final, Literal, TypeAlias

from lexigram.resilience._config.pipeline import PipelineConfig

__all__ = ["PipelineWarning", "check"]

Severity: TypeAlias = Literal["impossible", "doubtful", "loose"]
Problem: TypeAlias = tuple[Severity, str]

# Of a window, that an attempt may take: with fewer than two in it, an upstream that hangs
# is forgotten faster than it is noticed.
_ATTEMPTS_IN_WINDOW: Final = 2


class PipelineWarning(UserWarning):
    """A pipeline is put together in a way that may not do what it looks like."""


def check(config: PipelineConfig, name: str, *, stacklevel: int) -> None:
    """Refuse what is impossible, and warn of what is doubtful.

    Args:
        config: What the policies are configured as.
        name: Of the pipeline.
        stacklevel: Whose line a warning shows, as in `warnings.warn`.

    Raises:
        ValueError: Lists everything impossible; all the rest, too, when `strict`.
    """
    problems = list(_problems(config))
    fatal = [
        text for severity, text in problems if config.strict or severity == "impossible"
    ]
    if fatal:
        listed = "".join(f"\n- {text}" for text in fatal)
        raise ValueError(f"The pipeline {name!r} cannot be made:{listed}")
    for severity, text in problems:
        if severity == "doubtful":
            warnings.warn(
                f"The pipeline {name!r} is doubtful: {text}",
                PipelineWarning,
                stacklevel=stacklevel + 1,
            )


def _problems(config: PipelineConfig) -> Iterator[Problem]:
    attempt = None if config.timeouts is None else config.timeouts.attempt
    if attempt is not None:
        yield from _of_attempts(config, attempt)
    yield from _of_totals(config, attempt)


def _of_attempts(config: PipelineConfig, attempt: float) -> Iterator[Problem]:
    hedge, breaker = config.hedge, config.breaker
    if (
        hedge is not None
        and not isinstance(hedge.delay, str)
        and hedge.delay >= attempt
    ):
        yield (
            "impossible",
            (
                f"`hedge.delay` {hedge.delay!r} is not shorter than `timeouts.attempt` "
                f"{attempt!r}, so that nothing is ever started beside an attempt. Lower the "
                "delay."
            ),
        )
    if breaker is None:
        return
    window = breaker.window_seconds
    if window is not None and window < _ATTEMPTS_IN_WINDOW * attempt:
        yield (
            "impossible",
            (
                f"`breaker.window_seconds` {window!r} is shorter than two attempts of "
                f"`timeouts.attempt` {attempt!r}, so that the circuit forgets an upstream's "
                "hanging before it has seen enough of it. Raise the window."
            ),
        )
    if breaker.half_open_max_wait < attempt:
        yield (
            "impossible",
            (
                f"`breaker.half_open_max_wait` {breaker.half_open_max_wait!r} is shorter "
                f"than `timeouts.attempt` {attempt!r}: a probe would count as failed while "
                "it may still succeed. Raise the wait."
            ),
        )


def _of_totals(config: PipelineConfig, attempt: float | None) -> Iterator[Problem]:
    retry = config.retry
    if retry is None or retry.max_attempts == 1:
        return
    total = None if config.timeouts is None else config.timeouts.total
    limits = [limit for limit in (total, retry.max_duration) if limit is not None]
    if not limits:
        yield (
            "loose",
            (
                "It repeats, and neither `timeouts.total` nor `retry.max_duration` says how "
                "long a call may take with all its attempts. Set one of them."
            ),
        )
    elif attempt is not None and (retry.max_attempts - 1) * attempt >= min(limits):
        yield (
            "doubtful",
            (
                f"After {retry.max_attempts - 1} attempts of `timeouts.attempt` "
                f"{attempt!r} the {min(limits)!r} s for all are over, so that the last of "
                f"the {retry.max_attempts} is never made when an upstream hangs. Lower "
                "`timeouts.attempt` or `retry.max_attempts`."
            ),
        )
