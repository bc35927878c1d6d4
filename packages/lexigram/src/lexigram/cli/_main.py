"""Arguments, output and exit codes of the command."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import Final

from lexigram.cli._drawing import draw
from lexigram.cli._target import TargetError, find_application
from lexigram.config import UnknownKeyError
from lexigram.contracts.errors import LexigramError

__all__ = ["main"]

FINE: Final = 0
UNSOUND: Final = 1
MISUSED: Final = 2

_TARGET = (
    "what to look at, as module:attribute; a module class, an application, or a "
    "function without parameters that returns one"
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code.

    0 means that all is well, 1 that the application has problems, which a start would
    raise and are reported on stderr, and 2 that the command cannot do what was asked.

    Args:
        arguments: Those of the command line by default.
    """
    asked = _parser().parse_args(arguments)
    try:
        answer = _answer(asked)
    except (TargetError, UnknownKeyError) as error:
        code, answer = MISUSED, str(error)
    except LexigramError as error:
        code, answer = UNSOUND, _report(error)
    else:
        code = FINE
    print(answer, file=sys.stderr if code else sys.stdout)
    return code


def _answer(asked: argparse.Namespace) -> str:
    app = find_application(asked.app)
    match asked.command:
        case "check":
            app.check()
            return f"{asked.app}: modules, configuration and dependencies fit together."
        case "graph":
            return draw(app)
        case _:
            return str(app.config.explain(asked.section))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="lexigram",
        description="Look at an application without booting it.",
        epilog=(
            "Exit codes: 0 all is well; 1 the application has problems, reported on "
            "stderr; 2 the command was misused, or the application cannot be imported. "
            "The current directory is on the path."
        ),
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")
    check = commands.add_parser(
        "check", help="check modules, configuration and dependencies as a start would"
    )
    graph = commands.add_parser(
        "graph", help="print modules and bindings as a Mermaid flowchart"
    )
    for one in (check, graph):
        one.add_argument("app", help=_TARGET)
    config = commands.add_parser("config", help="look at the configuration")
    actions = config.add_subparsers(dest="action", required=True, metavar="action")
    explain = actions.add_parser(
        "explain", help="print what is in force and where each value came from"
    )
    explain.add_argument(
        "section", nargs="?", help="a section, or a part like http.pool; default: all"
    )
    explain.add_argument("--app", required=True, help=_TARGET)
    return parser


def _report(error: LexigramError) -> str:
    """Return what an error says, with its notes, and without a traceback."""
    notes: list[str] = getattr(error, "__notes__", [])
    return "\n".join([str(error), *notes])
