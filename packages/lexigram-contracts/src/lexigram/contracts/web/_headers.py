"""Header fields: case-insensitive, in order, repeated values kept (RFC 9110 §5)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, MutableMapping, Sequence
from typing import Self, TypeAlias

from lexigram.contracts.redaction import redact_headers

__all__ = ["HeaderSource", "Headers", "MutableHeaders"]

HeaderSource: TypeAlias = Mapping[str, str] | Iterable[tuple[str, str]]


class Headers(Mapping[str, str]):
    """The header fields of a message, read-only.

    A mapping over distinct names: `headers["vary"]` and `get` answer the combined
    value, comma-separated as RFC 9110 §5.3 allows, or the first one for Set-Cookie,
    which must not be combined. `get_all` answers every value, `pairs` every field as
    it was sent.

    Most responses are never asked for most of their fields: building one keeps what it
    is given, decoding and indexing wait for the first question.
    """

    __slots__ = ("_index", "_list", "_raw")

    def __init__(self, source: HeaderSource = ()) -> None:
        self._raw: Sequence[tuple[bytes, bytes]] = ()
        self._list: list[tuple[str, str]] | None = _to_pairs(source)
        self._index: dict[str, list[str]] | None = None

    @classmethod
    def from_raw(cls, raw: Sequence[tuple[bytes, bytes]]) -> Self:
        """Return the fields as a message has them, in bytes.

        They are read as UTF-8, or else as ISO 8859-1, which any bytes are.
        """
        headers = cls()
        headers._raw = raw
        headers._list = None
        return headers

    @property
    def pairs(self) -> tuple[tuple[str, str], ...]:
        """Every field as (name, value), in the order of the message."""
        fields = self._list
        return tuple(self._pairs() if fields is None else fields)

    def get_all(self, name: str) -> list[str]:
        """Return every value of `name` in order; empty when there is none."""
        return list(self._by_name().get(name.lower(), ()))

    def __getitem__(self, name: str) -> str:
        key = name.lower()
        values = self._by_name().get(key)
        if values is None:
            raise KeyError(name)
        return values[0] if key == "set-cookie" else ", ".join(values)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name.lower() in self._by_name()

    def __iter__(self) -> Iterator[str]:
        seen: set[str] = set()
        for name, _ in self._pairs():
            if (key := name.lower()) not in seen:
                seen.add(key)
                yield name

    def __len__(self) -> int:
        return len(self._by_name())

    def __bool__(self) -> bool:
        # Without the index that counting needs.
        return bool(self._raw if self._list is None else self._list)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Headers):
            return self._by_name() == other._by_name()
        if isinstance(other, Mapping):
            return self == Headers({str(k): str(v) for k, v in other.items()})
        return NotImplemented

    __hash__ = None  # type: ignore[assignment]  # equal to any mapping of that content

    def __repr__(self) -> str:
        return f"{type(self).__name__}({redact_headers(self._pairs())})"

    def copy(self) -> Self:
        """Return an independent copy of the same kind."""
        return type(self)(self._pairs())

    __copy__ = copy

    def _pairs(self) -> list[tuple[str, str]]:
        if self._list is None:
            self._list = [
                (_decoded(name), _decoded(value)) for name, value in self._raw
            ]
        return self._list

    def _by_name(self) -> dict[str, list[str]]:
        if self._index is None:
            index: dict[str, list[str]] = {}
            for name, value in self._pairs():
                index.setdefault(name.lower(), []).append(value)
            self._index = index
        return self._index


class MutableHeaders(Headers, MutableMapping[str, str]):
    """Header fields that can be changed; assignment replaces every value of the name."""

    __slots__ = ()

    def add(self, name: str, value: str) -> None:
        """Append one more field, keeping those of the same name."""
        self._pairs().append((name, value))
        self._index = None

    def __setitem__(self, name: str, value: str) -> None:
        self._list = [*self._without(name), (name, value)]
        self._index = None

    def __delitem__(self, name: str) -> None:
        kept = self._without(name)
        if len(kept) == len(self._pairs()):
            raise KeyError(name)
        self._list = kept
        self._index = None

    def _without(self, name: str) -> list[tuple[str, str]]:
        # Without the index: it would be of no use any more.
        key = name.lower()
        return [pair for pair in self._pairs() if pair[0].lower() != key]


def _to_pairs(source: HeaderSource) -> list[tuple[str, str]]:
    if isinstance(source, (list, tuple)):  # to rule out a mapping takes longer
        return list(source)
    if isinstance(source, Headers):
        return list(source.pairs)
    if isinstance(source, Mapping):
        return list(source.items())
    return list(source)


def _decoded(field: bytes) -> str:
    try:
        return field.decode()
    except UnicodeDecodeError:
        return field.decode("latin-1")
