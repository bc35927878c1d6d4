"""The command as a whole: from its arguments to its exit code."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence

from lexigram.contracts.web import HTTPClientError
from lexigram.http.cli.arguments import Asked, parse
from lexigram.http.cli.commands import run
from lexigram.http.cli.exits import CommandError, ExitCode, exit_code
from lexigram.http.cli.options import config_of, options_of
from lexigram.http.cli.output import require_rich, tell
from lexigram.http.tls import TLSConfigError

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code, one of `ExitCode`.

    Data goes to standard output, everything else to standard error; no failure of the
    call has a traceback.

    Args:
        arguments: Those of the command line when left out.

    Raises:
        SystemExit: The arguments cannot be used, or ask for help.
    """
    asked = parse(arguments)
    try:
        require_rich()
        # Before there is an event loop: it may wait for somebody to type.
        options = options_of(asked)
        return asyncio.run(run(asked, config_of(asked), options))
    except KeyboardInterrupt:
        return ExitCode.INTERRUPTED
    except BrokenPipeError:
        return ExitCode.BROKEN_PIPE
    except (CommandError, HTTPClientError, TLSConfigError, OSError) as error:
        return _report(error, asked)


def _report(error: Exception, asked: Asked) -> ExitCode:
    if asked.verbose and isinstance(error, HTTPClientError):
        tell(error.explain())
    elif isinstance(error, OSError):
        tell(_of_system(error))
    else:
        tell(str(error))
    for note in getattr(error, "__notes__", ()):
        tell(note)
    return exit_code(error)


def _of_system(error: OSError) -> str:
    reason = error.strerror or str(error) or type(error).__name__
    if error.filename is None:
        return f"The output cannot be written: {reason}."
    return f"The file {os.fsdecode(error.filename)!r} cannot be used: {reason}."
