"""The line of code that would have accepted a request."""

from __future__ import annotations

import json
from dataclasses import dataclass
from textwrap import indent
from typing import Any, Final

from lexigram.contracts.redaction import is_secret_name
from lexigram.testing._calls.literals import as_python, is_list, is_mapping, lines_of
from lexigram.testing._calls.requests import RecordedRequest
from lexigram.testing._calls.showing import form_of, grouped, hide

__all__ = ["stub_for"]

_WIDTH: Final = 84
_MOST_LINES: Final = 40
_NOTHING: Final[Any] = ...


def stub_for(name: str, origin: str, request: RecordedRequest) -> str:
    """Return code that accepts the request: what would hold a secret is left out."""
    url = request.path if request.origin == origin else request.address
    params, body = _params(request), _body(request)
    arguments = [
        as_python(request.method),
        # A brace would begin a field.
        as_python(url.replace("{", "%7B").replace("}", "%7D")),
        *filter(None, (params.code, body.code)),
    ]
    end = ".respond(200)"
    if params.is_partial or body.is_partial:
        end += "  # what looks secret is left out"
    line = f"{name}.on({', '.join(arguments)}){end}"
    if len(line) <= _WIDTH and "\n" not in line:
        return line
    spread = indent("".join(f"{argument},\n" for argument in arguments), " " * 4)
    return f"{name}.on(\n{spread}){end}"


@dataclass(frozen=True, slots=True)
class _Option:
    """An argument of `on`; no code for none."""

    code: str = ""
    is_partial: bool = False


def _params(request: RecordedRequest) -> _Option:
    params = grouped(request.params)
    public = {n: value for n, value in params.items() if not is_secret_name(n)}
    return _option("params", "params_contain", params, public or _NOTHING)


def _body(request: RecordedRequest) -> _Option:
    form = form_of(request)
    if form is not None:
        return _option("form", "", form, form if hide(form) == form else _NOTHING)
    try:
        value = json.loads(request.body, parse_constant=_refuse)
    except ValueError:
        return _Option()
    return _option("json", "json_contains", value, _public(value))


def _option(whole: str, part: str, value: object, public: object) -> _Option:
    is_partial = bool(value) and public != value
    if public is _NOTHING:
        return _Option(is_partial=is_partial)
    before = f"{part if is_partial else whole}="
    lines = list(lines_of(public, before=before, text=as_python))
    if len(lines) > _MOST_LINES:
        return _Option(is_partial=is_partial)
    code = "\n".join(f"{'    ' * line.depth}{line.text}" for line in lines)
    return _Option(code, is_partial)


def _public(value: Any) -> Any:
    """Return what is left of JSON without secrets, as `json_contains` takes it."""
    if is_mapping(value):
        kept = {n: _public(v) for n, v in value.items() if not is_secret_name(n)}
        public = {name: inner for name, inner in kept.items() if inner is not _NOTHING}
        return public if public or not value else _NOTHING
    if is_list(value) and hide(value) != value:
        return _NOTHING  # a list is compared whole
    return value


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no value of Python's.")
