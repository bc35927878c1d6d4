"""Finding the routes that may take a request without asking all of them.

Routes whose paths have their literal segments in the same places share a shape: those
segments are a key into its table. A request asks each shape of its length once, and
those are few however many routes there are. What is found may take the request; the
route itself decides.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain
from operator import attrgetter, itemgetter
from typing import Any

from lexigram.testing._calls.requests import RecordedRequest
from lexigram.testing._calls.urls import PathTemplate, UrlTemplate
from lexigram.testing._routing.routes import Route

__all__ = ["RouteIndex"]

_number = attrgetter("number")


class RouteIndex:
    """Routes by what is literal in their URLs."""

    __slots__ = ("_anywhere", "_shapes")

    def __init__(self) -> None:
        self._shapes: dict[int, list[_Shape]] = {}
        # A regular expression may match anything: these are always asked.
        self._anywhere: list[Route] = []

    def add(self, route: Route) -> None:
        """Take up a route; its number is greater than that of all others."""
        template = route.template
        if isinstance(template, UrlTemplate):
            for path in template.paths:
                shape = self._shape(path, absolute=bool(template.origin))
                shape.add(route, path, template.origin)
        else:
            self._anywhere.append(route)

    def candidates(self, request: RecordedRequest) -> Iterable[Route]:
        """Return the routes that may take the request, the one added last first."""
        found = [self._anywhere] if self._anywhere else []
        for shape in self._shapes.get(len(request.segments), ()):
            # Written out: a function of its own would be a tenth of the search.
            literals = shape.pick(request.segments)
            key = (request.origin, literals) if shape.absolute else literals
            routes = shape.routes.get(key)
            if routes is not None:
                found.append(routes)
        if len(found) == 1:
            return reversed(found[0])
        return sorted(chain.from_iterable(found), key=_number, reverse=True)

    def _shape(self, path: PathTemplate, *, absolute: bool) -> _Shape:
        positions = tuple(position for position, _ in path.literals)
        shapes = self._shapes.setdefault(path.size, [])
        for shape in shapes:
            if shape.positions == positions and shape.absolute == absolute:
                return shape
        shapes.append(_Shape(positions, absolute=absolute))
        return shapes[-1]


class _Shape:
    """The routes that have literals in the same places."""

    __slots__ = ("absolute", "pick", "positions", "routes")

    def __init__(self, positions: tuple[int, ...], *, absolute: bool) -> None:
        self.positions = positions
        self.absolute = absolute
        self.routes: dict[Any, list[Route]] = {}
        # There is at least one: a path begins with a slash, after an empty segment.
        self.pick: itemgetter[Any] = itemgetter(*positions)

    def add(self, route: Route, path: PathTemplate, origin: str) -> None:
        """Take up a route of this shape."""
        literals = self.pick(dict(path.literals))
        key = (origin, literals) if self.absolute else literals
        self.routes.setdefault(key, []).append(route)
