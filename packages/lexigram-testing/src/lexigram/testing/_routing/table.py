"""The routes of a fake or a server: one vocabulary for both."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypedDict, Unpack

from lexigram.contracts.suggestions import did_you_mean
from lexigram.contracts.web import ParamValue
from lexigram.testing._answers.outcomes import UNSET
from lexigram.testing._calls.journal import Journal
from lexigram.testing._calls.requests import RecordedRequest
from lexigram.testing._calls.showing import place
from lexigram.testing._calls.urls import UrlTemplate
from lexigram.testing._routing.matchers import (
    BodyIs,
    HeaderIs,
    JsonIs,
    Matcher,
    ParamsAre,
    WhereHolds,
    pairs_of,
)
from lexigram.testing._routing.routes import Check, Route

__all__ = ["RouteOptions", "RouteTable"]


class RouteOptions(TypedDict, total=False):
    """What a route may ask of a request beside its method and URL."""

    params: Mapping[str, ParamValue]
    """The whole query, in any order. Left out: any, unless the URL has one."""
    headers: Mapping[str, object]
    """Headers that are there among others, by `==`; None for one that is not there."""
    json: Any
    """What the body is as JSON, by `==` with this value on the left."""
    body: bytes | str
    """The whole body."""
    where: Callable[[RecordedRequest], bool]
    """Anything else."""


class RouteTable:
    """Registers routes: `on("GET", "/v1/invoices/{id}").respond(json={...})`.

    The URL is absolute, or a path for any origin; a `{field}` stands for a segment and
    arrives in `request.path_params`; a query in it is the same as `params`. The method
    "*" takes any. Of the routes that match and are not used up, the one registered
    last wins, so that a test overrides what a fixture set up.
    """

    def __init__(self, journal: Journal, check: Check, prefix: str = "") -> None:
        self._routes: list[Route] = []
        self._journal = journal
        self._check = check
        self._prefix = prefix

    def __call__(self, method: str, url: str, **options: Unpack[RouteOptions]) -> Route:
        """Register a route.

        Raises:
            ValueError: The URL is not a template.
            TypeError: An option does not exist; names the nearest one.
        """
        _check_options(options)
        template = UrlTemplate.parse(url, self._prefix)
        route = Route(
            method.upper(),
            template,
            _matchers(template, options),
            place=place(),
            journal=self._journal,
            check=self._check,
        )
        self._routes.append(route)
        return route

    def get(self, url: str, **options: Unpack[RouteOptions]) -> Route:
        """Register a route for GET."""
        return self("GET", url, **options)

    def post(self, url: str, **options: Unpack[RouteOptions]) -> Route:
        """Register a route for POST."""
        return self("POST", url, **options)

    def put(self, url: str, **options: Unpack[RouteOptions]) -> Route:
        """Register a route for PUT."""
        return self("PUT", url, **options)

    def patch(self, url: str, **options: Unpack[RouteOptions]) -> Route:
        """Register a route for PATCH."""
        return self("PATCH", url, **options)

    def delete(self, url: str, **options: Unpack[RouteOptions]) -> Route:
        """Register a route for DELETE."""
        return self("DELETE", url, **options)

    def head(self, url: str, **options: Unpack[RouteOptions]) -> Route:
        """Register a route for HEAD."""
        return self("HEAD", url, **options)

    def find(self, request: RecordedRequest) -> Route | None:
        """Return the route that takes the request."""
        for route in reversed(self._routes):
            if not route.used_up and route.matches(request):
                return route
        request.path_params = {}
        return None

    def __iter__(self) -> Iterator[Route]:
        return iter(self._routes)

    def __len__(self) -> int:
        return len(self._routes)


def _check_options(options: RouteOptions) -> None:
    known = RouteOptions.__annotations__
    for name in options:
        if name not in known:
            raise TypeError(f"A route has no {name!r}. {did_you_mean(name, known)}")


def _matchers(template: UrlTemplate, options: RouteOptions) -> tuple[Matcher, ...]:
    matchers: list[Matcher] = []
    if template.params or "params" in options:
        extra = pairs_of(options.get("params", {}))
        matchers.append(ParamsAre((*template.params, *extra)))
    matchers += [HeaderIs(n, v) for n, v in options.get("headers", {}).items()]
    if (json := options.get("json", UNSET)) is not UNSET:
        matchers.append(JsonIs(json))
    if (body := options.get("body")) is not None:
        matchers.append(BodyIs(body.encode() if isinstance(body, str) else body))
    if (where := options.get("where")) is not None:
        matchers.append(WhereHolds(where))
    return tuple(matchers)
