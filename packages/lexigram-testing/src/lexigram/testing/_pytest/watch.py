"""The doubles of one test, verified while a failure still belongs to the test.

pytest reports an error of a fixture's teardown apart from the test, and as an error, not
as a failure. So the doubles are verified at the end of the test's own phase, each thing
that is wrong is told once, and a test that has failed by itself keeps its failure and
gets the rest as a note.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

import pytest

from lexigram.testing._calls.journal import RecordedCall
from lexigram.testing._routing.verification import (
    Strictness,
    VerificationError,
    verdict,
)

__all__ = ["Verifiable", "Watch"]


class Verifiable(Protocol):
    """What can be asked whether it was used as arranged."""

    def verify(self) -> None:
        """Raise a `VerificationError` unless it was."""
        ...


@dataclass(frozen=True, slots=True)
class _Double:
    name: str
    it: Verifiable
    strictness: Strictness
    calls: Sequence[RecordedCall]


class Watch:
    """What a test has to answer for."""

    def __init__(self) -> None:
        self._doubles: list[_Double] = []
        self._told: set[int] = set()
        # Identities are compared: what was told must stay alive to keep its own.
        self._kept: list[object] = []
        self._raised: BaseException | None = None
        self.passed: bool = False
        """Whether the test has, its verification included."""

    @contextmanager
    def over(
        self,
        name: str,
        it: Verifiable,
        strictness: Strictness,
        calls: Sequence[RecordedCall] = (),
    ) -> Generator[None]:
        """Watch a double; at the end, fail for what went wrong since the test's end."""
        double = _Double(name, it, strictness, calls)
        self._doubles.append(double)
        yield
        self._doubles.remove(double)
        self._fail(self._verdict([double], routes=False))

    def verify(self) -> None:
        """Fail the test unless everything was used as arranged."""
        self._fail(self._verdict(self._doubles, routes=True))
        self.passed = True

    def complete(self, failure: BaseException, *, routes: bool) -> None:
        """Add to the failure of a test, as a note, what it does not tell itself."""
        if failure is self._raised:
            return
        self._tell(failure)
        # A unittest's own failure is reported in place of what is raised after it.
        hidden = str(self._raised) if routes and self._raised is not None else ""
        text = hidden or self._verdict(self._doubles, routes=routes)
        given_up = isinstance(failure, pytest.skip.Exception | pytest.xfail.Exception)
        if text and not given_up:
            failure.add_note(f"\n{text}")

    def _verdict(self, doubles: list[_Double], *, routes: bool) -> str:
        found = [self._untold(double, routes=routes) for double in doubles]
        errors = [error for error in found if error is not None]
        for error in errors:
            self._tell(error)
        return "\n\n".join(map(str, errors))

    def _untold(self, double: _Double, *, routes: bool) -> VerificationError | None:
        if double.strictness == "lenient":
            return None
        try:
            double.it.verify()
        except VerificationError as error:
            routes = routes and double.strictness == "strict"
            return self._without_told(double, error, routes=routes)
        return None

    def _without_told(
        self, double: _Double, error: VerificationError, *, routes: bool
    ) -> VerificationError | None:
        failures = [f for f in error.failures if id(f) not in self._told]
        uncalled = [r for r in error.uncalled if id(r) not in self._told]
        all_new = (len(failures), len(uncalled)) == (
            len(error.failures),
            len(error.uncalled),
        )
        if routes and all_new:
            return error
        return verdict(double.name, failures, uncalled if routes else (), double.calls)

    def _tell(self, error: BaseException) -> None:
        """Remember everything that the report of an error shows."""
        if id(error) in self._told:
            return
        parts: list[object] = [error]
        inner: list[BaseException | None] = [error.__cause__, error.__context__]
        if isinstance(error, VerificationError):
            parts += error.uncalled
            inner += error.failures
        inner += getattr(error, "exceptions", ())  # those of a group
        self._kept += parts
        self._told |= set(map(id, parts))
        for part in filter(None, inner):
            self._tell(part)

    def _fail(self, text: str) -> None:
        if text:
            # Where this is raised tells nobody anything: the reasons name their lines.
            self._raised = pytest.fail.Exception(text, pytrace=False)
            raise self._raised
