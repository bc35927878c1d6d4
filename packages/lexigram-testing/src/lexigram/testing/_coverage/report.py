"""Which kinds of faults each route of each dependency was exercised with."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias
from urllib.parse import urlsplit

from lexigram.testing._calls.journal import RecordedCall
from lexigram.testing._calls.urls import UrlPattern, UrlRegex
from lexigram.testing._coverage.kinds import FAULT_KINDS, FaultKind, kind_of

__all__ = ["FaultCoverage", "RouteCoverage", "fault_coverage"]

_Key: TypeAlias = tuple[str, str, str]

_LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})
_PORTS: Final = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class RouteCoverage:
    """What one route of one dependency was exercised with."""

    dependency: str
    """The host, with its port unless that is the default one. The port of a server on
    this machine is left out: it is another one in every test."""
    path: str
    """The path of the route, with its fields: "/v1/invoices/{id}"; " ~ " and the
    expression of a regular one."""
    method: str
    """The method of the request."""
    counts: Mapping[FaultKind, int]
    """How many calls ended in each kind."""

    @property
    def exercised(self) -> tuple[FaultKind, ...]:
        """The kinds that calls have ended in."""
        return tuple(kind for kind in FAULT_KINDS if self.counts.get(kind))

    @property
    def missing(self) -> tuple[FaultKind, ...]:
        """The kinds that no call has ended in."""
        return tuple(kind for kind in FAULT_KINDS if not self.counts.get(kind))

    def __str__(self) -> str:
        return f"{self.method} {self.dependency}{self.path}"


@dataclass(frozen=True, slots=True)
class FaultCoverage:
    """What the code under test has met. Made by `fault_coverage`; `+` joins two."""

    routes: tuple[RouteCoverage, ...] = ()
    """By dependency, path and method."""

    def render(self) -> str:
        """Return a line for each route, with a mark for each kind."""
        names = [str(route) for route in self.routes]
        width = max(map(len, names), default=0)
        return "\n".join(
            f"{name:{width}}  {_marks(route)}"
            for name, route in zip(names, self.routes, strict=True)
        )

    def to_data(self) -> list[Any]:
        """Return it as lists, strings and numbers, to send to another process."""
        return [[r.dependency, r.path, r.method, dict(r.counts)] for r in self.routes]

    @classmethod
    def from_data(cls, data: Iterable[Any]) -> FaultCoverage:
        """Return what `to_data` was made from."""
        return cls(tuple(RouteCoverage(*row) for row in data))

    def __add__(self, other: FaultCoverage) -> FaultCoverage:
        counted: dict[_Key, Counter[FaultKind]] = {}
        for route in (*self.routes, *other.routes):
            key = (route.dependency, route.path, route.method)
            counted.setdefault(key, Counter()).update(route.counts)
        return _coverage(counted)


def fault_coverage(*logs: Iterable[RecordedCall]) -> FaultCoverage:
    """Return which kinds of faults were exercised, for each route that was called.

    Takes the `calls` of fakes and servers. Requests that no route took are left out, and
    so is what leaves no call: a connection that a server refuses while it is `down()`.

    Example:
        >>> async with FakeHTTPClient() as fake:
        ...     route = fake.on.get("/invoices/{id}").sequence(fault.reset(), Reply())
        ...     for _ in range(2):
        ...         result = await fake.get("/invoices/inv_1")
        >>> print(fault_coverage(fake.calls).render())
        GET fake.test/invoices/{id}  ok ✓  ...  timeout ✗  refused ✗  reset ✓  ...
    """
    counted: dict[_Key, Counter[FaultKind]] = {}
    for call in (call for log in logs for call in log):
        kind = kind_of(call.outcome)
        if call.route is not None and kind is not None:
            request = call.request
            key = (_dependency(request.url), _path(call.route.template), request.method)
            counted.setdefault(key, Counter())[kind] += 1
    return _coverage(counted)


def _coverage(counted: Mapping[_Key, Counter[FaultKind]]) -> FaultCoverage:
    rows = sorted(counted.items(), key=lambda row: row[0])
    return FaultCoverage(tuple(RouteCoverage(*key, dict(n)) for key, n in rows))


def _marks(route: RouteCoverage) -> str:
    return "  ".join(
        f"{kind} {'✓' if route.counts.get(kind) else '✗'}" for kind in FAULT_KINDS
    )


def _dependency(url: str) -> str:
    parts = urlsplit(url)
    host = parts.hostname or ""
    shown = f"[{host}]" if ":" in host else host
    if host in _LOOPBACK or parts.port in {None, _PORTS.get(parts.scheme)}:
        return shown
    return f"{shown}:{parts.port}"


def _path(url: UrlPattern) -> str:
    """Return the path of a route: of a template, not of each request that fits."""
    if isinstance(url, UrlRegex):
        return f" ~ {url.text}"
    text = url.text.partition("?")[0]
    _, absolute, rest = text.partition("://")
    return f"/{rest.partition('/')[2]}" if absolute else text
