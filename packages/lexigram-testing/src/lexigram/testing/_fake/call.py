"""The state of one call, and waiting within its deadline."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from lexigram.contracts.web import (
    RequestContext,
    RequestSent,
    TimeoutPhase,
    Timeouts,
)
from lexigram.contracts.web.calling import (
    AttemptTimer,
    BodyLimits,
    Deadline,
    Interceptors,
    OpenBody,
    Timeline,
    timed_out,
)

__all__ = ["FakeCall"]

T = TypeVar("T")


@dataclass(slots=True)
class FakeCall:
    """One call under way."""

    request: RequestContext
    """What the caller asked for, interceptors of the call applied."""
    options: Mapping[str, Any] = field(repr=False)
    """The options of the verb."""
    limits: BodyLimits
    """How much of a body is accepted."""
    whole: int
    """Bytes that every limit accepts: a plain body of no more needs no reading."""
    started: float
    """When it began, as a time of the client's clock."""
    around_call: Interceptors | None = None
    """The interceptors of the call."""
    around_attempt: Interceptors | None = None
    """The interceptors of each attempt."""
    parts: Timeouts | None = None
    """The limits of the parts of an attempt, where there are any."""
    opened: list[OpenBody] | None = None
    """The bodies that are left on the way, where that of a success is."""
    timer: AttemptTimer | None = None
    """Keeps them, for the attempt that this is about."""
    deadline: Deadline | None = None
    """The deadline while it is being watched."""
    attempts: int = 0
    """How many exchanges have begun."""
    timeline: Timeline | None = None
    """What became of them, once there is something to write down."""

    def enter(self, phase: TimeoutPhase) -> None:
        """Begin a phase of the attempt, or begin it anew."""
        if self.timer is not None:
            self.timer.enter(phase)

    async def wait(
        self, waiting: Awaitable[T], request: RequestContext, sent: RequestSent
    ) -> T:
        """Return what `waiting` returns, if it does before the deadline.

        Args:
            waiting: Is cancelled by the deadline.
            request: What is being sent.
            sent: Whether a server may have seen it by now.

        Raises:
            HTTPTimeoutError: A limit passed. It is the attempt's own failure, as on
                a wire, so that policies see it; a caller's cancellation passes through.
        """
        try:
            return await waiting
        except asyncio.CancelledError:
            interrupted = None if self.timer is None else self.timer.interrupted()
            if interrupted is not None:
                phase, seconds = interrupted
                raise timed_out(request, seconds, sent=sent, phase=phase) from None
            if self.deadline is None or not self.deadline.caused_cancellation():
                raise
            raise timed_out(request, self.request.timeout, sent=sent) from None
