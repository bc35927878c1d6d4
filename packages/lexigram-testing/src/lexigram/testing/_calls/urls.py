"""URLs with fields: `/v1/invoices/{id}`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final
from urllib.parse import parse_qsl, unquote, urlsplit

from lexigram.testing._calls.requests import RecordedRequest, origin_of

__all__ = ["UrlTemplate"]

_FIELD = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)\}")
_NO_FIELDS: Final[Mapping[str, str]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class UrlTemplate:
    """A URL or a path, each `{field}` in it standing for (part of) one segment.

    An absolute one matches that origin only, a path every origin. `prefix` is a path
    that may come first: the one of a base URL.
    """

    text: str
    origin: str
    literal: tuple[str, ...]
    patterns: tuple[re.Pattern[str], ...]
    prefix: tuple[str, ...]
    params: tuple[tuple[str, str], ...]

    @classmethod
    def parse(cls, text: str, prefix: str = "") -> UrlTemplate:
        """Read a template.

        Raises:
            ValueError: It is neither absolute nor a path, or a field is unusable.
        """
        absolute = "://" in text.partition("?")[0]
        if not absolute and not text.startswith("/"):
            raise ValueError(
                f"The route URL {text!r} is neither absolute nor a path. "
                "Begin it with http://, https:// or /."
            )
        _check_fields(text)
        # A path is not a URL: of "//a/b" urlsplit would make the host "a".
        parts = urlsplit(text if absolute else f"http://any{text}")
        segments = (parts.path or "/").split("/")
        plain = not _FIELD.search(parts.path)
        return cls(
            text=text,
            origin=origin_of(parts) if absolute else "",
            literal=tuple(map(unquote, segments)) if plain else (),
            patterns=() if plain else tuple(map(_segment_pattern, segments)),
            prefix=_segments_of(prefix) if not absolute else (),
            params=tuple(parse_qsl(parts.query, keep_blank_values=True)),
        )

    def match(self, request: RecordedRequest) -> Mapping[str, str] | None:
        """Return the values of the fields, or None when the URL is another one."""
        if self.origin and self.origin != request.origin:
            return None
        segments = request.segments
        values = self._values(segments)
        size = len(self.prefix)
        if values is None and size and segments[:size] == self.prefix:
            return self._values(("", *segments[size:]))
        return values

    def accepts(self, request: RecordedRequest) -> bool:
        """Say whether URL and query are these; without a query here, any will do."""
        if self.params and sorted(self.params) != sorted(request.params):
            return False
        return self.match(request) is not None

    def _values(self, segments: tuple[str, ...]) -> Mapping[str, str] | None:
        if self.literal:
            return _NO_FIELDS if self.literal == segments else None
        if len(segments) != len(self.patterns):
            return None
        values: dict[str, str] = {}
        for pattern, segment in zip(self.patterns, segments, strict=True):
            found = pattern.fullmatch(segment)
            if found is None:
                return None
            values.update(found.groupdict())
        return values


def _check_fields(text: str) -> None:
    names = _FIELD.findall(text.partition("?")[0])
    doubled = {name for name in names if names.count(name) > 1}
    if doubled:
        raise ValueError(
            f"The route URL {text!r} has the field {doubled.pop()!r} twice."
        )
    if re.search(r"[{}]", _FIELD.sub("", text.partition("?")[0])):
        raise ValueError(
            f"The route URL {text!r} has a brace that is not part of a {{field}}. "
            "Name a field like a Python variable."
        )


def _segments_of(prefix: str) -> tuple[str, ...]:
    stripped = prefix.rstrip("/")
    return tuple(map(unquote, stripped.split("/"))) if stripped else ()


def _segment_pattern(segment: str) -> re.Pattern[str]:
    # `split` with one group answers literal, name, literal, name, …, literal.
    parts = _FIELD.split(segment)
    return re.compile(
        "".join(
            f"(?P<{part}>.+)" if index % 2 else re.escape(unquote(part))
            for index, part in enumerate(parts)
        ),
        re.DOTALL,
    )
