"""What the command prints: data on standard output, all else on standard error."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterable
from contextlib import suppress
from http import HTTPStatus
from importlib.util import find_spec
from typing import Final, TextIO

from lexigram.contracts.redaction import redact_headers
from lexigram.contracts.web import HttpResponse
from lexigram.http.cli.exits import CommandError, ExitCode
from lexigram.http.cli.layout import laid_out, visible

__all__ = ["Output", "is_watched", "require_rich", "tell"]

# Colours take far longer than the text, of which nobody reads that much.
_MOST_COLOURED: Final = 512 * 1024


def require_rich() -> None:
    """Check that the extra `cli` is installed.

    Raises:
        CommandError: It is not.
    """
    if find_spec("rich") is None:
        raise CommandError(
            'The command needs `rich`. Install it: pip install "lexigram-http[cli]".'
        )


def tell(text: str) -> None:
    """Print something about the call on standard error."""
    stream: TextIO | None = sys.stderr
    if stream is not None:  # closed by whoever started it, who wants none of it
        stream.write(f"{visible(text)}\n")
        stream.flush()


def is_watched() -> bool:
    """Say whether somebody sees standard error."""
    stream: TextIO | None = sys.stderr
    return stream is not None and stream.isatty()


def _hush() -> None:
    """Send what is still to be written to standard output nowhere.

    Python writes it out at its end, and would complain once more that it cannot.
    """
    with suppress(OSError, ValueError):  # not a file of the system, or closed
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


class Output:
    """Standard output: laid out and coloured on a terminal, elsewhere as it is.

    Args:
        raw: Neither lay out nor colour on a terminal.

    Raises:
        CommandError: It is closed.
    """

    raw: bool
    terminal: bool

    def __init__(self, *, raw: bool = False) -> None:
        stream: TextIO | None = sys.stdout
        if stream is None:
            raise CommandError("Standard output is closed.", ExitCode.FILE)
        self._stream = stream
        self.terminal = self._stream.isatty()
        self.raw = raw

    def write(self, data: bytes) -> None:
        """Write bytes as they are."""
        try:
            self._stream.buffer.write(data)
            self._stream.buffer.flush()
        except OSError:
            _hush()
            raise

    def line(self, text: str) -> None:
        """Write a line of text."""
        shown = visible(text) if self.terminal and not self.raw else text
        self._write_text(f"{shown}\n")

    def json_line(self, text: str) -> None:
        """Write a line of JSON."""
        if self.terminal and not self.raw:
            text = _coloured(visible(text))
        self._write_text(f"{text}\n")

    def head(self, status: int, headers: Iterable[tuple[str, str]]) -> None:
        """Write status and headers, and the empty line that ends them."""
        self.line(f"{status} {_phrase(status)}".rstrip())
        for name, value in redact_headers(headers):
            self.line(f"{name}: {value}")
        self.line("")

    def body(self, response: HttpResponse) -> None:
        """Write the body of an answer; binary data is not shown on a terminal."""
        if not self.terminal:
            self.write(response.body)
        elif _is_binary(response):
            kind = response.headers.get("content-type", "unknown type")
            tell(
                f"The body, {len(response.body)} bytes of {kind}, is no text and not "
                "shown. Save it with --output FILE, or show it with --output -."
            )
        elif self.raw:
            self.write(response.body)
        elif response.body:
            self._write_text(f"{_for_reading(response)}\n")

    def _write_text(self, text: str) -> None:
        encoding = self._stream.encoding or "utf-8"
        self.write(text.encode(encoding, "backslashreplace"))


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""


def _is_binary(response: HttpResponse) -> bool:
    if "\0" in response.text:
        return True
    try:
        response.body.decode()
    except UnicodeDecodeError:
        return "\ufffd" in response.text
    return False


def _for_reading(response: HttpResponse) -> str:
    text = response.text
    kind = response.headers.get("content-type", "").partition(";")[0]
    pretty = laid_out(text) if "json" in kind.lower() else None
    if pretty is None:
        return visible(text.replace("\r\n", "\n")).removesuffix("\n")
    return _coloured(visible(pretty))


def _coloured(text: str) -> str:
    """Return JSON with the escapes of its colours, as far as the terminal has any."""
    # See https://no-color.org; the library would leave bold letters.
    if len(text) > _MOST_COLOURED or os.environ.get("NO_COLOR"):
        return text
    from rich.console import Console  # noqa: PLC0415 - an extra
    from rich.highlighter import JSONHighlighter  # noqa: PLC0415 - likewise

    shown = io.StringIO()
    console = Console(file=shown, force_terminal=True, soft_wrap=True)
    console.print(JSONHighlighter()(text), end="")
    return shown.getvalue()
