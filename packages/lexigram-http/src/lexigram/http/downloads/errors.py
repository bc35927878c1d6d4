"""What goes wrong with a download beside its requests and its disk."""

from __future__ import annotations

from typing import Any, ClassVar, Literal, TypeAlias

from lexigram.contracts.web import HTTPClientError

DownloadProblem: TypeAlias = Literal["checksum", "answer", "range", "short"]
"""The file is not the one that was meant; the answer is none; it is not the part that was
asked for, or longer than it says; it ended too early, and so did every one after it."""


class DownloadError(HTTPClientError):
    """The server answered, and the file is not there.

    Attributes:
        reason: Why.
    """

    code: ClassVar[str] = "http.download"

    def __init__(self, message: str, *, reason: DownloadProblem, **facts: Any) -> None:
        super().__init__(message, **facts)
        self.reason: DownloadProblem = reason
