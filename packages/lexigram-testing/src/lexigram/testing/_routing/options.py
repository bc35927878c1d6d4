"""What a route may ask of a request, as the keywords of `on`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypedDict

from lexigram.contracts.suggestions import refuse_unknown
from lexigram.testing._answers.outcomes import UNSET
from lexigram.testing._calls.requests import RecordedRequest
from lexigram.testing._calls.urls import UrlPattern
from lexigram.testing._routing.contents import BodyIs, BodyMatches, FormIs, JsonIs
from lexigram.testing._routing.fields import expected_fields
from lexigram.testing._routing.matchers import (
    HeaderIs,
    Matcher,
    ParamsAre,
    WhereHolds,
)

__all__ = ["RouteOptions", "matchers_of"]

_BODIES = ("json", "json_contains", "form", "body")


class RouteOptions(TypedDict, total=False):
    """What a route may ask of a request beside its method and URL.

    Expected values stand on the left of `==`, so that objects which compare in their own
    way decide. None is the same as leaving an option out, except as JSON.
    """

    params: Mapping[str, object] | None
    """The whole query, in any order. Left out: any, unless the URL has one."""
    params_contain: Mapping[str, object] | None
    """Parameters among others; None for one that is not there."""
    headers: Mapping[str, object] | None
    """Headers that are there among others; None for one that is not there."""
    json: Any
    """What the body is as JSON."""
    json_contains: Any
    """What is in the body: its objects may have more keys, on every level. Lists are
    compared whole."""
    form: Mapping[str, object] | None
    """The whole urlencoded form, in any order."""
    body: bytes | str | re.Pattern[bytes] | None
    """The whole body, or a regular expression that matches it whole."""
    where: Callable[[RecordedRequest], bool] | None
    """Anything else."""
    name: str | None
    """What reports call the route."""


def matchers_of(url: UrlPattern, options: RouteOptions) -> tuple[Matcher, ...]:
    """Return what the options ask.

    Raises:
        TypeError: An option does not exist, or two exclude each other.
    """
    refuse_unknown("A route", options, RouteOptions.__annotations__)
    return (
        *_params(url, options),
        *(HeaderIs(n, v) for n, v in (options.get("headers") or {}).items()),
        *_body(options),
        *(WhereHolds(where) for where in [options.get("where")] if where is not None),
    )


def _params(url: UrlPattern, options: RouteOptions) -> Iterator[Matcher]:
    whole = options.get("params")
    some = options.get("params_contain")
    if some is not None and (whole is not None or url.params):
        raise TypeError(
            "The query of the URL and `params` are the whole query. "
            "Give everything to `params_contain`, or nothing."
        )
    if some is not None:
        absent = {name: None for name, value in some.items() if value is None}
        yield ParamsAre({**expected_fields(some), **absent}, among=True)
    elif whole is not None or url.params:
        yield ParamsAre(expected_fields(whole or {}, url.params))


def _body(options: RouteOptions) -> Iterator[Matcher]:
    given = [name for name in _BODIES if _is_given(name, options)]
    if len(given) > 1:
        raise TypeError(f"A request has one body. Give only one of {', '.join(given)}.")
    if "json" in given:
        yield JsonIs(options.get("json"))
    if "json_contains" in given:
        yield JsonIs(options.get("json_contains"), among=True)
    if (form := options.get("form")) is not None:
        yield FormIs(expected_fields(form))
    if (body := options.get("body")) is not None:
        yield _whole_body(body)


def _is_given(name: str, options: RouteOptions) -> bool:
    value = options.get(name, UNSET)
    return value is not UNSET and (value is not None or name.startswith("json"))


def _whole_body(body: bytes | str | re.Pattern[bytes]) -> Matcher:
    if isinstance(body, str):
        return BodyIs(body.encode())
    if isinstance(body, bytes):
        return BodyIs(body)
    if isinstance(getattr(body, "pattern", None), bytes):
        return BodyMatches(body)
    raise TypeError(
        f"{body!r} is no body. Give bytes, text, or a pattern of bytes: "
        "`re.compile(rb'…')`."
    )
