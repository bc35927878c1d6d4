"""The verdict at the end of a test."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal, TypeAlias

from lexigram.testing._calls.failures import UnmatchedRequest
from lexigram.testing._routing.routes import Route

__all__ = ["Strictness", "VerificationError", "verdict"]

Strictness: TypeAlias = Literal["strict", "unmatched_only", "lenient"]
"""What the end of a block verifies: everything, only that no request failed in the kit,
or nothing."""


class VerificationError(AssertionError):
    """What a test arranged and what happened differ.

    Attributes:
        failures: What was raised within calls, whether or not it was caught there.
        uncalled: The routes that were called less often than they must be.
    """

    def __init__(
        self,
        message: str,
        failures: Sequence[BaseException] = (),
        uncalled: Sequence[Route] = (),
    ) -> None:
        super().__init__(message)
        self.failures: tuple[BaseException, ...] = tuple(failures)
        self.uncalled: tuple[Route, ...] = tuple(uncalled)

    @property
    def unmatched(self) -> tuple[UnmatchedRequest, ...]:
        """The requests that no route accepted."""
        return tuple(f for f in self.failures if isinstance(f, UnmatchedRequest))


def verdict(
    name: str, failures: Sequence[BaseException], routes: Iterable[Route]
) -> VerificationError | None:
    """Return everything that is wrong in one error, or None when nothing is."""
    uncalled = [route for route in routes if route.shortfall()]
    if not failures and not uncalled:
        return None
    parts = [f"`{name}` was not used as the test arranged."]
    parts += [str(failure) or repr(failure) for failure in failures]
    if uncalled:
        lines = [f"  {route.shortfall()}" for route in uncalled]
        parts.append("\n".join(["Routes that were called too seldom:", *lines]))
    return VerificationError("\n\n".join(parts), failures, uncalled)
