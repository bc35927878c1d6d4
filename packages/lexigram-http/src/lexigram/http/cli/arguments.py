"""What can be written after `python -m lexigram.http`."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Final

from lexigram.http.cli.exits import MEANINGS
from lexigram.http.cli.values import (
    Pair,
    checksum_of,
    count_of,
    file_of,
    header_of,
    pair_of,
    seconds_of,
    text_of,
)

__all__ = ["VERBS", "Asked", "parse"]

VERBS: Final = ("get", "head", "post", "put", "patch", "delete")

_WITHOUT_BODY: Final = frozenset({"get", "head"})

_PROGRAM: Final = "python -m lexigram.http"

_ARGV: Final = "arguments can be seen by other users of this machine"


class Asked(argparse.Namespace):
    """The arguments of one run."""

    command: str
    method: str
    url: str
    verbose: bool

    header: list[Pair]
    header_env: list[Pair]
    query: list[Pair]
    auth: str | None
    password_env: str | None
    bearer_env: str | None

    timeout: float | None
    retry: bool
    proxy: str | None
    no_proxy: bool
    ca_file: Path | None
    no_follow: bool
    max_bytes: int | None

    json_body: str | None
    data: str | None
    form: list[Pair]
    file: list[Pair]

    output: str | None
    include: bool
    raw: bool

    form_of_stream: str | None
    end: str | None

    path: Path | None
    checksum: str | None
    resume: bool
    overwrite: bool


def parse(arguments: Sequence[str] | None) -> Asked:
    """Return the arguments; those that cannot be used end the process with 2.

    Args:
        arguments: Those of the command line when left out.
    """
    parser = _parser()
    asked, unknown = parser.parse_known_args(arguments, namespace=Asked())
    if unknown:
        # Their names alone: the value of a misspelt option may be a secret.
        options = [_name_of(one) for one in unknown if one.startswith("-")]
        if not options:
            parser.error(f"{asked.command!r} does not take so many arguments.")
        parser.error(
            f"{asked.command!r} has no option {', '.join(options)}. "
            f"See `{_PROGRAM} {asked.command} --help`."
        )
    return asked


def _name_of(option: str) -> str:
    return option.partition("=")[0] if option.startswith("--") else option[:2]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=_PROGRAM,
        usage="%(prog)s command [options] ...",
        description="Call an HTTP server, as the client of lexigram does.",
        epilog=_epilog(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument(
        "--version",
        action="version",
        version=f"lexigram-http {version('lexigram-http')}",
    )
    # What a command has no option for.
    parser.set_defaults(
        json_body=None,
        data=None,
        form=[],
        file=[],
        output=None,
        include=False,
        raw=False,
    )
    commands = parser.add_subparsers(
        dest="command", required=True, metavar="command", prog=_PROGRAM
    )
    _add_commands(commands.add_parser)
    return parser


def _add_commands(add: Callable[..., argparse.ArgumentParser]) -> None:
    for verb in VERBS:
        meaning = f"send {verb.upper()} and print the answer"
        one = _command(add, verb, "URL", meaning)
        one.set_defaults(method=verb.upper())
        _add_call(one)
        if verb not in _WITHOUT_BODY:
            _add_body(one)
        _add_output(one)
    request = _command(
        add, "request", "METHOD URL", "send any method and print the answer"
    )
    request.add_argument("method", metavar="METHOD", type=str.upper)
    _add_call(request)
    _add_body(request)
    _add_output(request)
    meaning = "save a body as a file, going on where an earlier run ended"
    _add_download(_command(add, "download", "URL [PATH]", meaning))
    meaning = "print lines, JSON values or events as they arrive"
    _add_stream(_command(add, "stream", "URL", meaning))
    meaning = "print what a call would do, and send nothing"
    explain = _command(add, "explain", "METHOD URL", meaning)
    explain.add_argument("method", metavar="METHOD", type=str.upper)
    _add_call(explain)
    _add_body(explain)


def _command(
    add: Callable[..., argparse.ArgumentParser],
    name: str,
    operands: str,
    meaning: str,
) -> argparse.ArgumentParser:
    return add(
        name,
        help=meaning,
        description=f"{meaning[0].upper()}{meaning[1:]}.",
        usage=f"%(prog)s [options] {operands}",
        allow_abbrev=False,
    )


def _epilog() -> str:
    codes = (f"  {code:3}  {meaning}" for code, meaning in MEANINGS.items())
    return "\n".join(["exit codes:", *codes])


def _add_call(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "url", metavar="URL", type=text_of, help="an absolute http or https URL"
    )
    parser.add_argument(
        "-v",
        "--verbose",
        action="store_true",
        help="show the plan of the call and what became of each attempt on stderr",
    )
    call = parser.add_argument_group("the request")
    call.add_argument(
        "-H",
        "--header",
        action="append",
        default=[],
        metavar="'NAME: VALUE'",
        type=header_of,
        help=f"send this header; {_ARGV}, so see --header-env for secrets",
    )
    call.add_argument(
        "--header-env",
        action="append",
        default=[],
        metavar="NAME=VARIABLE",
        type=pair_of,
        help="send this header with the value of an environment variable",
    )
    call.add_argument(
        "-q",
        "--query",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        type=pair_of,
        help="append this to the query of the URL",
    )
    _add_credentials(parser)
    _add_behaviour(parser)


def _add_credentials(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("credentials")
    who = group.add_mutually_exclusive_group()
    who.add_argument(
        "--auth",
        metavar="USER[:PASSWORD]",
        type=text_of,
        help=f"Basic authentication; without a password it is asked for, since {_ARGV}",
    )
    who.add_argument(
        "--bearer-env",
        metavar="VARIABLE",
        help="send the token that this environment variable holds",
    )
    group.add_argument(
        "--password-env",
        metavar="VARIABLE",
        help="take the password of --auth from this environment variable",
    )


def _add_behaviour(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("behaviour")
    group.add_argument(
        "--timeout",
        metavar="SECONDS",
        type=seconds_of,
        help="for the whole call, of a stream until its head is there; 'none' sets no "
        "limit (default: the client's)",
    )
    group.add_argument(
        "--retry",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="repeat what is safe to repeat (default), or send once",
    )
    proxies = group.add_mutually_exclusive_group()
    proxies.add_argument(
        "--proxy",
        metavar="URL",
        type=text_of,
        help="use this HTTP proxy (default: what HTTP_PROXY and its like say)",
    )
    proxies.add_argument(
        "--no-proxy", action="store_true", help="connect directly, whatever they say"
    )
    group.add_argument(
        "--ca-file",
        metavar="FILE",
        type=Path,
        help="trust the authorities in this PEM file as well",
    )
    group.add_argument(
        "--no-follow", action="store_true", help="show a redirect, do not follow it"
    )
    group.add_argument(
        "--max-bytes",
        metavar="N",
        type=count_of,
        help="accept no larger body (default: the client's)",
    )


def _add_body(parser: argparse.ArgumentParser, *, json: str = "--json") -> None:
    body = parser.add_argument_group(
        "the body", "TEXT may be @FILE, which is read, or - for standard input."
    )
    names = dict.fromkeys((json, "--json-body"))
    body.add_argument(
        *names, dest="json_body", metavar="TEXT", help="JSON, checked and sent as it is"
    )
    body.add_argument("--data", metavar="TEXT", help="anything, sent as it is")
    body.add_argument(
        "--form",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        type=pair_of,
        help="a field of a form",
    )
    body.add_argument(
        "--file",
        action="append",
        default=[],
        metavar="NAME=@PATH",
        type=file_of,
        help="a file of a form, which is sent as multipart/form-data then",
    )


def _add_output(parser: argparse.ArgumentParser) -> None:
    output = parser.add_argument_group(
        "output",
        "On a terminal JSON is laid out and coloured, and binary data is not shown; "
        "elsewhere the body is written as it is.",
    )
    output.add_argument(
        "-o",
        "--output",
        metavar="FILE",
        help="write the body of an answer below 400 here; - is standard output, "
        "whatever the data",
    )
    _add_look(output.add_argument)


def _add_look(add: Callable[..., argparse.Action]) -> None:
    add(
        "-i",
        "--include",
        action="store_true",
        help="print status and headers first; values of secret-looking names are hidden",
    )
    add("--raw", action="store_true", help="neither lay out nor colour on a terminal")


def _add_download(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(method="GET")
    _add_call(parser)
    parser.add_argument(
        "path",
        metavar="PATH",
        nargs="?",
        type=Path,
        help="the file, or a folder for it (default: the last part of the URL)",
    )
    group = parser.add_argument_group("the file")
    group.add_argument(
        "--checksum",
        metavar="ALGORITHM:HEX",
        type=checksum_of,
        help="keep the file only if this is its checksum, such as sha256:9f86d0…",
    )
    group.add_argument(
        "--resume",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="go on with what an earlier run left (default), or begin anew",
    )
    group.add_argument(
        "--overwrite", action="store_true", help="replace a file that is there"
    )


def _add_stream(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "-X",
        "--method",
        metavar="METHOD",
        default="GET",
        type=str.upper,
        help="what to send (default: GET)",
    )
    _add_call(parser)
    _add_body(parser, json="--json-body")
    output = parser.add_argument_group("output")
    forms = output.add_mutually_exclusive_group()
    for form, meaning in (
        ("lines", "print lines"),
        ("json", "print JSON values, one a line"),
        ("events", "print server-sent events as JSON, or with --raw their data"),
    ):
        forms.add_argument(
            f"--{form}",
            dest="form_of_stream",
            action="store_const",
            const=form,
            help=f"{meaning} (default: what the Content-Type says)",
        )
    output.add_argument(
        "--end",
        metavar="DATA",
        help="stop at the event with this data, such as [DONE]",
    )
    _add_look(output.add_argument)
