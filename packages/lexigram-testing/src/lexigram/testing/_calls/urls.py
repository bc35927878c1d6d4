"""URLs that stand for many: `/v1/invoices/{id}`, or a regular expression."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias
from urllib.parse import parse_qsl, unquote, urlsplit

from lexigram.testing._calls.requests import RecordedRequest, origin_of
from lexigram.testing._calls.showing import show_url

__all__ = [
    "PathTemplate",
    "UrlPattern",
    "UrlRegex",
    "UrlTemplate",
    "accepts",
    "parse_url",
]

_FIELD = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)\}")


@dataclass(frozen=True, slots=True)
class PathTemplate:
    """The segments of a path, each one literal or with fields in it."""

    size: int
    """How many segments there are."""
    literals: tuple[tuple[int, str], ...]
    """Position and text of those without a field."""
    fields: tuple[tuple[int, str, re.Pattern[str] | None], ...]
    """Position and name of those that are a field; a pattern when they are more."""

    @classmethod
    def of(cls, path: str, prefix: tuple[str, ...] = ()) -> PathTemplate:
        """Read a path that comes after the (decoded) segments of a prefix."""
        segments = path.split("/")[1 if prefix else 0 :]
        literals = list(enumerate(prefix))
        fields: list[tuple[int, str, re.Pattern[str] | None]] = []
        for position, segment in enumerate(segments, len(prefix)):
            if whole := _FIELD.fullmatch(segment):
                fields.append((position, whole[1], None))
            elif _FIELD.search(segment):
                fields.append((position, "", _segment_pattern(segment)))
            else:
                literals.append((position, unquote(segment)))
        return cls(len(prefix) + len(segments), tuple(literals), tuple(fields))

    def match(self, segments: tuple[str, ...]) -> dict[str, str] | None:
        """Return the values of the fields, or None when the path is another one."""
        if len(segments) != self.size:
            return None
        for position, text in self.literals:
            if segments[position] != text:
                return None
        values: dict[str, str] = {}
        for position, name, pattern in self.fields:
            segment = segments[position]
            if pattern is None:
                if not segment:
                    return None
                values[name] = segment
            elif found := pattern.fullmatch(segment):
                values.update(found.groupdict())
            else:
                return None
        return values


@dataclass(frozen=True, slots=True)
class UrlTemplate:
    """A URL or a path, each `{field}` in it standing for (part of) one segment.

    An absolute one matches that origin only, a path every origin, and also behind the
    path of a base URL.
    """

    text: str
    """As it was written."""
    origin: str
    """The only origin it matches; empty for any."""
    paths: tuple[PathTemplate, ...]
    """The path, and the path behind that of the base URL."""
    params: tuple[tuple[str, str], ...]
    """Its query."""

    def __str__(self) -> str:
        return show_url(self.text)

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
        if "{" in parts.netloc:
            raise ValueError(
                f"The route URL {text!r} has a field in its host, and a field stands "
                "for a segment of the path. Give a compiled regular expression."
            )
        path = parts.path or "/"
        behind = () if absolute else _segments_of(prefix)
        return cls(
            text,
            origin_of(parts) if absolute else "",
            tuple(
                PathTemplate.of(path, before) for before in dict.fromkeys(((), behind))
            ),
            tuple(parse_qsl(parts.query, keep_blank_values=True)),
        )

    def match(self, request: RecordedRequest) -> Mapping[str, str] | None:
        """Return the values of the fields, or None when the URL is another one."""
        if self.origin and self.origin != request.origin:
            return None
        if len(self.paths) == 1:  # nearly always: spares a call and a loop
            return self.paths[0].match(request.segments)
        return self.match_path(request)

    def match_path(self, request: RecordedRequest) -> Mapping[str, str] | None:
        """Do the same for the path alone."""
        for path in self.paths:
            values = path.match(request.segments)
            if values is not None:
                return values
        return None


@dataclass(frozen=True, slots=True)
class UrlRegex:
    """A regular expression for a whole URL, without userinfo and query."""

    pattern: re.Pattern[str]

    def __str__(self) -> str:
        return self.text

    @property
    def text(self) -> str:
        """The expression."""
        return self.pattern.pattern

    @property
    def params(self) -> tuple[tuple[str, str], ...]:
        """None: a regular expression says nothing of the query."""
        return ()

    def match(self, request: RecordedRequest) -> Mapping[str, str] | None:
        """Return the values of the named groups, or None when the URL is another."""
        found = self.pattern.fullmatch(request.address)
        if found is None:
            return None
        groups: Mapping[str, str | None] = found.groupdict()
        return {name: text for name, text in groups.items() if text is not None}


UrlPattern: TypeAlias = UrlTemplate | UrlRegex


def parse_url(url: str | re.Pattern[str], prefix: str = "") -> UrlPattern:
    """Return what a route, or a search of the log, means by this URL.

    Raises:
        ValueError: It is a string and no template.
        TypeError: It is a regular expression for bytes, or something else.
    """
    if isinstance(url, str):
        return UrlTemplate.parse(url, prefix)
    if isinstance(getattr(url, "pattern", None), str):
        return UrlRegex(url)
    raise TypeError(
        f"{url!r} is no route URL. Give a string or `re.compile(r'https://…')`."
    )


def accepts(pattern: UrlPattern, request: RecordedRequest) -> bool:
    """Say whether URL and query are these; without a query in it, any will do."""
    if pattern.params and sorted(pattern.params) != sorted(request.params):
        return False
    return pattern.match(request) is not None


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
