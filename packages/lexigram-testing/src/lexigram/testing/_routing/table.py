"""The routes of a fake or a server: one vocabulary for both."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from typing import Unpack

from lexigram.testing._calls.journal import Journal
from lexigram.testing._calls.requests import RecordedRequest
from lexigram.testing._calls.showing import place
from lexigram.testing._calls.urls import parse_url
from lexigram.testing._routing.index import RouteIndex
from lexigram.testing._routing.matchers import Matcher
from lexigram.testing._routing.options import RouteOptions, matchers_of
from lexigram.testing._routing.routes import Check, Route

__all__ = ["RouteTable"]


class RouteTable:
    """Registers routes: `on("GET", "/v1/invoices/{id}").respond(json={...})`.

    The URL is absolute, or a path for any origin; a `{field}` stands for a segment and
    arrives in `request.path_params`; a query in it is the same as `params`. A compiled
    regular expression has to match the whole absolute URL without its query; its named
    groups arrive in `path_params` too. Of the routes that match and are not used up,
    the one registered last wins, so that a test overrides what a fixture set up.
    """

    def __init__(self, journal: Journal, check: Check, prefix: str = "") -> None:
        self._routes: list[Route] = []
        self._index = RouteIndex()
        self._journal = journal
        self._check = check
        self._prefix = prefix

    def __call__(
        self,
        method: str | Collection[str] | None,
        url: str | re.Pattern[str],
        *matchers: Matcher,
        **options: Unpack[RouteOptions],
    ) -> Route:
        """Register a route.

        Args:
            method: One, or several; None and "*" take any.
            url: A template or a compiled regular expression.
            *matchers: What else a request must have, as objects that explain it.
            **options: What else a request must have, in plain values.

        Raises:
            ValueError: The URL is not a template, or there is no method.
            TypeError: An option does not exist, with the nearest one, or two exclude
                each other.
        """
        pattern = parse_url(url, self._prefix)
        route = Route(
            _methods(method),
            pattern,
            (*matchers_of(pattern, options), *matchers),
            name=options.get("name") or "",
            number=len(self._routes),
            place=place(),
            journal=self._journal,
            check=self._check,
        )
        self._routes.append(route)
        self._index.add(route)
        return route

    def get(
        self,
        url: str | re.Pattern[str],
        *matchers: Matcher,
        **options: Unpack[RouteOptions],
    ) -> Route:
        """Register a route for GET."""
        return self("GET", url, *matchers, **options)

    def post(
        self,
        url: str | re.Pattern[str],
        *matchers: Matcher,
        **options: Unpack[RouteOptions],
    ) -> Route:
        """Register a route for POST."""
        return self("POST", url, *matchers, **options)

    def put(
        self,
        url: str | re.Pattern[str],
        *matchers: Matcher,
        **options: Unpack[RouteOptions],
    ) -> Route:
        """Register a route for PUT."""
        return self("PUT", url, *matchers, **options)

    def patch(
        self,
        url: str | re.Pattern[str],
        *matchers: Matcher,
        **options: Unpack[RouteOptions],
    ) -> Route:
        """Register a route for PATCH."""
        return self("PATCH", url, *matchers, **options)

    def delete(
        self,
        url: str | re.Pattern[str],
        *matchers: Matcher,
        **options: Unpack[RouteOptions],
    ) -> Route:
        """Register a route for DELETE."""
        return self("DELETE", url, *matchers, **options)

    def head(
        self,
        url: str | re.Pattern[str],
        *matchers: Matcher,
        **options: Unpack[RouteOptions],
    ) -> Route:
        """Register a route for HEAD."""
        return self("HEAD", url, *matchers, **options)

    def options(
        self,
        url: str | re.Pattern[str],
        *matchers: Matcher,
        **options: Unpack[RouteOptions],
    ) -> Route:
        """Register a route for OPTIONS."""
        return self("OPTIONS", url, *matchers, **options)

    def find(self, request: RecordedRequest) -> Route | None:
        """Return the route that takes the request.

        Raises:
            CallbackFailed: A matcher raised.
        """
        for route in self._index.candidates(request):
            if not route.used_up and route.matches(request):
                return route
        request.path_params = {}
        return None

    def clear(self) -> None:
        """Forget every route."""
        self._routes.clear()
        self._index = RouteIndex()

    def rewind(self) -> None:
        """Let every route start again."""
        for route in self._routes:
            route.rewind()

    def __iter__(self) -> Iterator[Route]:
        return iter(self._routes)

    def __len__(self) -> int:
        return len(self._routes)


def _methods(method: str | Collection[str] | None) -> frozenset[str] | None:
    names = {"*"} if method is None else {method} if isinstance(method, str) else method
    if not all(names) or not names:
        raise ValueError(f"{method!r} names no method. Use None for any.")
    return None if "*" in names else frozenset(name.upper() for name in names)
