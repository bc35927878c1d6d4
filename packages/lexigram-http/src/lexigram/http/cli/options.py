"""What the arguments mean for a call: its options, and the client that makes it."""

from __future__ import annotations

import getpass
import json
import math
import os
import sys
import warnings
from pathlib import Path
from typing import Final

from lexigram.contracts.web import RequestOptions
from lexigram.http.cli.arguments import Asked
from lexigram.http.cli.exits import CommandError
from lexigram.http.cli.standard_input import as_body, read_all
from lexigram.http.cli.values import Pair, is_text
from lexigram.http.config import HTTPClientConfig
from lexigram.http.interceptors.credentials import BearerAuth
from lexigram.http.tls import TLSConfig

__all__ = ["config_of", "options_of"]

_STANDARD_INPUT: Final = "-"


def config_of(asked: Asked) -> HTTPClientConfig:
    """Return how the client behaves: as by default, but for what it is started with."""
    if asked.ca_file is None:
        return HTTPClientConfig()
    return HTTPClientConfig(tls=TLSConfig(ca_file=asked.ca_file))


def options_of(asked: Asked) -> RequestOptions:
    """Return the options of the call; asks for a password where one is left out.

    Raises:
        CommandError: The arguments contradict each other, or name what is not there.
        OSError: A file cannot be read.
        HTTPInvalidRequestError: The URL or a token cannot be used.
    """
    options = _body_of(asked)
    headers = [*asked.header]
    headers += [(name, _variable(variable)) for name, variable in asked.header_env]
    if asked.json_body is not None and not _has(headers, "content-type"):
        headers.append(("Content-Type", "application/json"))
    options["headers"] = headers
    options["params"] = asked.query
    options["retry"] = asked.retry
    if asked.no_follow:
        options["follow_redirects"] = False
    _add_limits(options, asked)
    _add_credentials(options, asked)
    if asked.proxy is not None or asked.no_proxy:
        options["proxy"] = asked.proxy
    return options


def _add_limits(options: RequestOptions, asked: Asked) -> None:
    if asked.timeout is not None:
        options["timeout"] = None if math.isinf(asked.timeout) else asked.timeout
    if asked.max_bytes is not None:
        options["max_response_bytes"] = asked.max_bytes


def _add_credentials(options: RequestOptions, asked: Asked) -> None:
    if asked.password_env is not None and asked.auth is None:
        raise CommandError("--password-env is of no use without --auth USER.")
    if asked.bearer_env is not None:
        token = _variable(asked.bearer_env)
        options["auth"] = BearerAuth(token, origin=asked.url)
    elif asked.auth is not None:
        options["auth"] = _user_and_password(asked, asked.auth)


def _user_and_password(asked: Asked, given: str) -> Pair:
    user, colon, password = given.partition(":")
    if asked.password_env is not None:
        if colon:
            raise CommandError("Give the password with --auth or --password-env.")
        return user, _variable(asked.password_env)
    if colon or asked.command == "explain":  # which sends no password
        return user, password
    return user, _password_of(user)


def _password_of(user: str) -> str:
    with warnings.catch_warnings():
        # It would be read from standard input, which is for the body, and be shown.
        warnings.simplefilter("error", getpass.GetPassWarning)
        try:
            return getpass.getpass(f"Password of {user!r}: ", stream=sys.stderr)
        except (getpass.GetPassWarning, EOFError):
            raise CommandError(
                f"There is no terminal to ask for the password of {user!r} at. Put it "
                "into an environment variable and name that with --password-env."
            ) from None


def _variable(name: str) -> str:
    value = os.environ.get(name)
    if not value:
        raise CommandError(f"The environment variable {name!r} is not set, or empty.")
    if not is_text(value):
        raise CommandError(f"The environment variable {name!r} holds no text.")
    return value


def _body_of(asked: Asked) -> RequestOptions:
    given = {
        "--json": asked.json_body is not None,
        "--data": asked.data is not None,
        "--form or --file": bool(asked.form or asked.file),
    }
    named = [name for name, there in given.items() if there]
    if len(named) > 1:
        raise CommandError(f"A request has one body; {' and '.join(named)} are given.")
    if asked.json_body is not None:
        return {"data": _json_of(asked.json_body)}
    if asked.data is not None:
        return _data_of(asked.data)
    return _form_of(asked)


def _json_of(text: str) -> bytes:
    if text == _STANDARD_INPUT:
        where, body = "Standard input", read_all()
    elif text.startswith("@"):
        where, body = f"The file {text[1:]!r}", Path(text[1:]).read_bytes()
    else:
        where, body = "The text", os.fsencode(text)
    try:
        json.loads(body, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise CommandError(f"{where} is not JSON: {error}.") from None
    return body


def _refuse(constant: str) -> None:
    # What Python reads beyond RFC 8259.
    raise ValueError(f"it has no {constant}")


def _data_of(text: str) -> RequestOptions:
    if text == _STANDARD_INPUT:
        return {"content": as_body()}
    if text.startswith("@"):
        return {"content": _readable(text[1:])}
    # What is no text is sent as it was typed.
    return {"data": text if is_text(text) else os.fsencode(text)}


def _form_of(asked: Asked) -> RequestOptions:
    options: RequestOptions = {}
    if asked.form:
        fields: dict[str, list[str]] = {}
        for name, value in asked.form:
            fields.setdefault(name, []).append(value)
        options["data"] = fields
    if asked.file:
        options["files"] = [(name, _readable(path)) for name, path in asked.file]
    return options


def _readable(path: str) -> Path:
    with Path(path).open("rb"):
        return Path(path)


def _has(headers: list[Pair], name: str) -> bool:
    return any(one.lower() == name for one, _ in headers)
