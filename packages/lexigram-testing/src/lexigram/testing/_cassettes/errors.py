"""What can be wrong with a cassette, one class per mistake."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from lexigram.testing._calls.failures import TestKitFailure
from lexigram.testing._calls.requests import RecordedRequest
from lexigram.testing._cassettes.interactions import Interaction
from lexigram.testing._routing.verification import VerificationError

__all__ = [
    "CassetteFileError",
    "CassetteVerificationError",
    "Drift",
    "Leak",
    "SecretInCassette",
    "UnrecordedRequest",
]


class CassetteFileError(Exception):
    """A cassette is missing, or is not what this version reads.

    Attributes:
        path: The file.
        place: Where in it: "line 3, column 7", "interactions[2].response.status"; empty
            when the whole file is meant.
    """

    def __init__(self, message: str, *, path: Path, place: str = "") -> None:
        super().__init__(message)
        self.path = path
        self.place = place

    def __reduce__(self) -> tuple[Any, ...]:
        return partial(type(self), path=self.path, place=self.place), self.args


class UnrecordedRequest(TestKitFailure):
    """The cassette holds no answer, or none any more, for a request.

    Attributes:
        request: The request, redacted.
    """

    def __init__(self, message: str, request: RecordedRequest) -> None:
        super().__init__(message)
        self.request = request

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (*self.args, self.request)


@dataclass(frozen=True, slots=True)
class Leak:
    """Something that looks like a secret, without the secret."""

    interaction: str
    """Which: "#2 POST https://api.test/v1/tokens"."""
    place: str
    """Where in it: "response body $.data.jwt"."""
    kind: str
    """What it looks like: "a JSON Web Token"."""


class SecretInCassette(Exception):  # noqa: N818 - says what is the matter
    """A cassette was not written, as it would hold what looks like a secret.

    Attributes:
        path: The file.
        leaks: Each of them.
    """

    def __init__(self, path: Path, leaks: Sequence[Leak]) -> None:
        lines = [
            f"  {leak.interaction}: {leak.place} holds {leak.kind}." for leak in leaks
        ]
        advice = (
            "Name the fields in `redact=SecretRedactor(names=[...])`, or give a "
            "redactor of your own."
        )
        problem = f"The cassette '{path}' was not written, as it would hold secrets:"
        super().__init__("\n".join([problem, *lines, advice]))
        self.path = path
        self.leaks: tuple[Leak, ...] = tuple(leaks)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.path, self.leaks)


@dataclass(frozen=True, slots=True)
class Drift:
    """A live answer whose shape is not the recorded one."""

    interaction: str
    """Which: "#2 GET https://api.test/v1/users"."""
    place: str
    """Where: "status", "header Retry-After", "body $.items[*].id"."""
    recorded: str
    """What the recording has there."""
    live: str
    """What the live answer has there."""

    def __str__(self) -> str:
        return (
            f"{self.interaction}: {self.place}: recorded {self.recorded}, "
            f"live {self.live}"
        )


class CassetteVerificationError(VerificationError):
    """A cassette and what a test asked of it differ.

    Attributes:
        unused: The recorded interactions that nobody asked for.
        drift: Where live answers have another shape than the recorded ones.
    """

    def __init__(
        self,
        message: str,
        failures: Sequence[BaseException] = (),
        *,
        unused: Sequence[Interaction] = (),
        drift: Sequence[Drift] = (),
    ) -> None:
        super().__init__(message, failures)
        self.unused: tuple[Interaction, ...] = tuple(unused)
        self.drift: tuple[Drift, ...] = tuple(drift)
