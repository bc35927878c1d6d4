"""Paths with variables: "/v1/invoices/{id}"."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, TypeAlias
from urllib.parse import quote
from uuid import UUID

from lexigram.contracts.suggestions import did_you_mean
from lexigram.contracts.web import HTTPInvalidRequestError

__all__ = ["PathValue", "expand"]

PathValue: TypeAlias = str | int | UUID
"""What a variable of a path can stand for."""

_VARIABLE = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)\}")


def expand(template: str, values: Mapping[str, PathValue]) -> str:
    """Return a path with its variables filled in.

    Each value becomes a part of one segment, whatever is in it: all but letters, digits,
    "-", "_", "." and "~" is percent-encoded (RFC 3986 §2.3), slashes too. Braces in the
    query are left alone.

    Example:
        >>> expand("/files/{name}", {"name": "a/b c"})
        '/files/a%2Fb%20c'

    Raises:
        HTTPInvalidRequestError: A variable has no value or one that is no segment ("",
            "." and ".."), a value has no variable, or a brace belongs to none.
    """
    if not values and "{" not in template and "}" not in template:
        return template  # as most paths are
    path, mark, query = template.partition("?")
    names = _VARIABLE.findall(path)
    _check_names(template, names, values)
    if not names:
        return template
    filled = _VARIABLE.sub(lambda found: _encoded(found[1], values[found[1]]), path)
    return f"{filled}{mark}{query}"


def _check_names(template: str, names: list[str], values: Mapping[str, Any]) -> None:
    rest = _VARIABLE.sub("", template.partition("?")[0])
    if "{" in rest or "}" in rest:
        raise HTTPInvalidRequestError(
            f"The path {_shown(template)} has a brace that belongs to no variable. Write "
            "a variable as '{name}', and a brace as %7B or %7D."
        )
    for name in names:
        if name not in values:
            raise HTTPInvalidRequestError(
                f"The path {_shown(template)} has a variable {name!r}, and "
                f"`path_params` does not. {did_you_mean(name, values)}"
            )
    for name in values:
        if name not in names:
            raise HTTPInvalidRequestError(
                f"`path_params` has {name!r}, and the path {_shown(template)} has no "
                f"such variable. {did_you_mean(name, names)} What belongs into the "
                "query goes into `params`."
            )


def _encoded(name: str, value: Any) -> str:
    text = _text(name, value)
    if text in {"", ".", ".."}:
        raise HTTPInvalidRequestError(
            f"path_params[{name!r}] is {text!r}, which is no name of anything below the "
            "path before it."
        )
    try:
        return quote(text, safe="")
    except UnicodeEncodeError:
        raise HTTPInvalidRequestError(
            f"path_params[{name!r}] holds half a surrogate pair, which is no character. "
            "Was it decoded with `surrogateescape`?"
        ) from None


def _text(name: str, value: Any) -> str:
    # Members of an enumeration stand for their value, which `str` is not for all.
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return int.__repr__(value)
    if isinstance(value, UUID):
        return str(value)
    raise HTTPInvalidRequestError(
        f"path_params[{name!r}] is of type {type(value).__name__}; it takes a string, an "
        "integer or a UUID."
    )


def _shown(template: str) -> str:
    return repr(template.partition("?")[0])
