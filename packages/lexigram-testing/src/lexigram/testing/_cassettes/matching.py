"""Which recorded interaction answers a request.

Requests with the same key are answered in the order of the file, whatever happens to
other requests meanwhile: a test that runs them at once gets the same answers each time.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Iterable, Sequence
from typing import Final, Literal, TypeAlias, get_args

from lexigram.testing._calls.requests import RecordedRequest
from lexigram.testing._cassettes.bodies import canonical
from lexigram.testing._cassettes.interactions import Interaction

__all__ = ["MATCH_ALL", "Comparison", "Deck", "MatchOn"]

MatchOn: TypeAlias = Literal["method", "origin", "path", "query", "body"]
"""A part of a request that has to be as recorded."""

MATCH_ALL: Final[tuple[MatchOn, ...]] = get_args(MatchOn)

_Part: TypeAlias = Callable[[RecordedRequest], Hashable]

_PARTS: Final[dict[MatchOn, _Part]] = {
    "method": lambda request: request.method,
    "origin": lambda request: request.origin,
    "path": lambda request: tuple(request.segments),
    "query": lambda request: tuple(sorted(request.params)),
    "body": lambda request: canonical(request.headers, request.body),
}


class Comparison:
    """What makes two redacted requests the same.

    Raises:
        ValueError: A part is unknown.
    """

    def __init__(self, match: Collection[MatchOn], headers: Collection[str]) -> None:
        unknown = sorted(set(match) - set(MATCH_ALL))
        if unknown:
            raise ValueError(
                f"match={unknown[0]!r} is no part of a request. "
                f"Use {', '.join(map(repr, MATCH_ALL))}; `match_headers` is for headers."
            )
        self.parts: dict[str, _Part] = {
            **{part: _PARTS[part] for part in MATCH_ALL if part in match},
            **{f"header {name}": _header(name) for name in headers},
        }

    def key(self, request: RecordedRequest) -> Hashable:
        """Return what requests that are the same have in common."""
        return tuple(part(request) for part in self.parts.values())

    def differing(self, one: RecordedRequest, other: RecordedRequest) -> set[str]:
        """Return the names of the parts that are not the same."""
        return {name for name, part in self.parts.items() if part(one) != part(other)}


def _header(name: str) -> _Part:
    return lambda request: tuple(request.headers.get_all(name))


class Deck:
    """Interactions by key; each is dealt once."""

    def __init__(self, interactions: Iterable[tuple[Hashable, Interaction]]) -> None:
        self._piles: dict[Hashable, list[Interaction]] = {}
        self._dealt: dict[Hashable, int] = {}
        for key, interaction in interactions:
            self._piles.setdefault(key, []).append(interaction)

    def deal(self, key: Hashable) -> Interaction | None:
        """Return the next interaction of a key; None when there is none (any more)."""
        pile, position = self._piles.get(key, ()), self._dealt.get(key, 0)
        if position >= len(pile):
            return None
        self._dealt[key] = position + 1
        return pile[position]

    def last(self, key: Hashable) -> Interaction | None:
        """Return the last interaction of a key, dealt or not."""
        pile = self._piles.get(key)
        return pile[-1] if pile else None

    def add_dealt(self, key: Hashable, interaction: Interaction) -> None:
        """Add an interaction that has just happened."""
        self._piles.setdefault(key, []).append(interaction)
        self._dealt[key] = len(self._piles[key])

    def left(self) -> Sequence[Interaction]:
        """Return those that were not dealt."""
        return [
            interaction
            for key, pile in self._piles.items()
            for interaction in pile[self._dealt.get(key, 0) :]
        ]
