"""Links in the header fields of a response (RFC 8288)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from lexigram.contracts.web import HttpResponse

_TARGET = re.compile(r"[ \t]*<([^>]*)>")
_PARAM = re.compile(
    r"""[ \t]*;[ \t]*(?P<name>[^ \t=;,]*)[ \t]*
    (?:=[ \t]*(?:"(?P<quoted>(?:[^"\\]|\\.)*)(?:"|\\?$)|(?P<plain>[^;,]*)))?""",
    re.VERBOSE | re.DOTALL,
)
_BETWEEN = re.compile(r"[ \t,]*")
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Link:
    """One link: a target, and how it is related to what links to it."""

    target: str
    """The URL as written, which may be relative."""
    params: tuple[tuple[str, str], ...] = ()
    """The parameters in order, names in lower case."""

    def get(self, name: str) -> str | None:
        """Return the first value of a parameter; later ones do not count (§3.3)."""
        return next((value for key, value in self.params if key == name), None)

    @property
    def relations(self) -> tuple[str, ...]:
        """The relation types in lower case, such as "next"."""
        return tuple((self.get("rel") or "").lower().split())


def parse_links(field: str) -> tuple[Link, ...]:
    """Return the links of a `Link` field, by the algorithm of RFC 8288 appendix B.2.

    It never raises: where the field is no longer one, it ends.
    """
    return tuple(_links(field))


def find_link(response: HttpResponse, relation: str = "next") -> str | None:
    """Return the target of the response's first link of a relation, or None.

    Links with an `anchor` are of something else than the response (§3.2) and left out.
    """
    wanted = relation.lower()
    for field in response.headers.get_all("link"):
        for link in parse_links(field):
            if wanted in link.relations and link.get("anchor") is None:
                return link.target
    return None


def _links(field: str) -> Iterator[Link]:
    at = 0
    while target := _TARGET.match(field, _end_of(_BETWEEN, field, at)):
        at = target.end()
        params: list[tuple[str, str]] = []
        while param := _PARAM.match(field, at):
            at = param.end()
            params.append((param["name"].lower(), _value(param)))
        yield Link(target[1], tuple(params))


def _end_of(pattern: re.Pattern[str], text: str, at: int) -> int:
    found = pattern.match(text, at)
    return found.end() if found else at


def _value(param: re.Match[str]) -> str:
    if param["quoted"] is not None:
        return _ESCAPE.sub(r"\1", param["quoted"])
    return (param["plain"] or "").strip(" \t")
