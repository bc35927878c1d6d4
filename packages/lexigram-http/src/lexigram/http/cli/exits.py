"""How the command ends: one exit code for each kind of failure."""

from __future__ import annotations

from enum import IntEnum
from typing import Final

from lexigram.contracts.web import (
    HTTPBlockedError,
    HTTPCircuitOpenError,
    HTTPClientError,
    HTTPConnectionError,
    HTTPDecodeError,
    HTTPInvalidRequestError,
    HTTPRedirectError,
    HTTPRejectedError,
    HTTPResponseTooLargeError,
    HTTPRetryExhaustedError,
    HTTPStatusError,
    HTTPTimeoutError,
    HTTPUnknownOptionError,
)
from lexigram.http.downloads.errors import DownloadError
from lexigram.http.tls import TLSConfigError

__all__ = ["MEANINGS", "CommandError", "ExitCode", "exit_code"]


class ExitCode(IntEnum):
    """What the command returns to the shell."""

    FINE = 0
    STATUS = 1
    USAGE = 2
    CONNECTION = 3
    TIMEOUT = 4
    REDIRECT = 5
    TOO_LARGE = 6
    DECODE = 7
    REFUSED = 8
    FILE = 9
    OTHER = 10
    INTERRUPTED = 130
    BROKEN_PIPE = 141


MEANINGS: Final[dict[ExitCode, str]] = {
    ExitCode.FINE: "the server answered with a status below 400",
    ExitCode.STATUS: "the server answered with a status of 400 or more",
    ExitCode.USAGE: "the arguments cannot be used, or `rich` is not installed",
    ExitCode.CONNECTION: "no connection, or it broke: DNS, TCP, TLS, proxy, framing",
    ExitCode.TIMEOUT: "a limit of time ran out",
    ExitCode.REDIRECT: "a redirect that is not followed, or too many",
    ExitCode.TOO_LARGE: "the body is larger than accepted",
    ExitCode.DECODE: "the body is not what it was to be: no JSON, no events, a wrong checksum",
    ExitCode.REFUSED: "a policy of the client refused the call",
    ExitCode.FILE: "a file cannot be read or written",
    ExitCode.OTHER: "another failure of the call",
    ExitCode.INTERRUPTED: "interrupted (SIGINT)",
    ExitCode.BROKEN_PIPE: "whoever reads the output went away",
}

# The first that fits; what is not here is another failure.
_OF_CLASSES: Final[tuple[tuple[type[Exception], ExitCode], ...]] = (
    (HTTPStatusError, ExitCode.STATUS),
    (HTTPInvalidRequestError, ExitCode.USAGE),
    (HTTPUnknownOptionError, ExitCode.USAGE),
    (TLSConfigError, ExitCode.USAGE),
    (HTTPConnectionError, ExitCode.CONNECTION),
    (HTTPTimeoutError, ExitCode.TIMEOUT),
    (HTTPRedirectError, ExitCode.REDIRECT),
    (HTTPResponseTooLargeError, ExitCode.TOO_LARGE),
    (HTTPDecodeError, ExitCode.DECODE),
    (DownloadError, ExitCode.DECODE),
    (HTTPBlockedError, ExitCode.REFUSED),
    (HTTPCircuitOpenError, ExitCode.REFUSED),
    (HTTPRejectedError, ExitCode.REFUSED),
    (HTTPClientError, ExitCode.OTHER),
    (OSError, ExitCode.FILE),
)


class CommandError(Exception):
    """The command cannot do what was asked; the message is for whoever typed it.

    Attributes:
        code: How the command ends.
    """

    code: ExitCode

    def __init__(self, message: str, code: ExitCode = ExitCode.USAGE) -> None:
        super().__init__(message)
        self.code = code


def exit_code(error: Exception) -> ExitCode:
    """Return how the command ends after an error."""
    if isinstance(error, CommandError):
        return error.code
    if isinstance(error, HTTPRetryExhaustedError):
        return exit_code(error.last)
    if isinstance(error, DownloadError) and error.reason == "short":
        return ExitCode.CONNECTION
    fitting = (code for kind, code in _OF_CLASSES if isinstance(error, kind))
    return next(fitting, ExitCode.OTHER)
