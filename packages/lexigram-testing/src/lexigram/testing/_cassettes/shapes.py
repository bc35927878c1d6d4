"""Whether a live answer has the shape of the recorded one.

Values differ from day to day and mean nothing; a status, a header, a type or a field
that came or went does.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any, Final, TypeAlias

from lexigram.contracts.redaction import REDACTED
from lexigram.contracts.web import Headers, HTTPClientError, HttpResponse
from lexigram.testing._calls.literals import is_list, is_mapping
from lexigram.testing._cassettes.bodies import dump_like, kind_of, parse
from lexigram.testing._cassettes.interactions import lasting
from lexigram.testing._cassettes.redaction import with_body

__all__ = ["differences", "unhidden"]

Outcome: TypeAlias = HttpResponse | HTTPClientError
Difference: TypeAlias = tuple[str, str, str]
"""A place, what is recorded there, what came live."""

_NOTHING: Final = "nothing"
_TYPES: Final[dict[type, str]] = {
    bool: "boolean",
    float: "number",
    int: "number",
    str: "string",
    type(None): "null",
}


def differences(recorded: Outcome, live: Outcome) -> Iterator[Difference]:
    """Tell where the shapes of two redacted outcomes differ."""
    if not isinstance(recorded, HttpResponse) or not isinstance(live, HttpResponse):
        was, now = _summary(recorded), _summary(live)
        if was != now:
            yield "outcome", was, now
        return
    if recorded.status != live.status:
        yield "status", str(recorded.status), str(live.status)
    yield from _header_differences(recorded.headers, live.headers)
    yield from _body_differences(recorded.body, live.body)


def unhidden(recorded: HttpResponse, live: HttpResponse) -> HttpResponse:
    """Return the recorded response with what was hidden in it taken from the live one.

    A token that the code under test sends back has to be one that works.
    """
    pairs = [_shown_header(pair, live.headers) for pair in recorded.headers.pairs]
    body = recorded.body
    try:
        was, now = parse(body), parse(live.body)
    except ValueError:
        pass
    else:
        shown = _shown(was, now)
        body = body if shown == was else dump_like(shown, body)
    return with_body(recorded, recorded.url, Headers(pairs), body)


def _shown_header(pair: tuple[str, str], live: Headers) -> tuple[str, str]:
    name, value = pair
    return (name, live.get(name, value)) if value == REDACTED else pair


def _shown(was: Any, now: Any) -> Any:
    if is_mapping(was) and is_mapping(now):
        return {key: _shown(inner, now.get(key)) for key, inner in was.items()}
    if is_list(was) and is_list(now):
        return [*map(_shown, was, now), *was[len(now) :]]
    return now if was == REDACTED and isinstance(now, str) else was


def _summary(outcome: Outcome) -> str:
    if isinstance(outcome, HttpResponse):
        return f"a response with status {outcome.status}"
    what = getattr(outcome, "failure", None) or getattr(outcome, "phase", None)
    return type(outcome).__name__ + (f" ({what})" if what else "")


def _header_differences(recorded: Headers, live: Headers) -> Iterator[Difference]:
    was = {name for name, _ in lasting(recorded)}
    now = {name for name, _ in lasting(live)}
    for name in sorted(was ^ now):
        before, after = ("present", "absent") if name in was else ("absent", "present")
        yield f"header {name}", before, after


def _body_differences(recorded: bytes, live: bytes) -> Iterator[Difference]:
    was, now = kind_of(recorded), kind_of(live)
    if was != now:
        yield "body", was, now
    elif was == "JSON":
        yield from _json_differences(_Shape(parse(recorded)), _Shape(parse(live)))


class _Shape:
    """The types at each path of a JSON value; the items of an array share a path."""

    def __init__(self, value: Any) -> None:
        self.types: dict[str, set[str]] = {}
        self.seen: Counter[str] = Counter()
        self.parents: dict[str, str] = {}
        self._walk("$", value, "")

    def is_certain(self, path: str) -> bool:
        """Say whether every object at the parent of a path has this field."""
        return self.seen[path] >= self.seen[self.parents[path]]

    def _walk(self, path: str, value: Any, parent: str) -> None:
        self.types.setdefault(path, set()).add(_type_of(value))
        self.seen[path] += 1
        self.parents[path] = parent
        if is_mapping(value):
            for key, inner in value.items():
                self._walk(f"{path}.{key}", inner, path)
        elif is_list(value):
            for inner in value:
                self._walk(f"{path}[*]", inner, path)


def _json_differences(was: _Shape, now: _Shape) -> Iterator[Difference]:
    for path in sorted({*was.types, *now.types}):
        before, after = was.types.get(path), now.types.get(path)
        place = f"body {path}"
        if before is None:
            if _is_comparable(path, now, was):
                yield place, _NOTHING, _names(after)
        elif after is None:
            if was.is_certain(path) and _is_comparable(path, was, now):
                yield place, _names(before), _NOTHING
        # Of an array's items only some variants may have come this time.
        elif not after <= before:
            yield place, _names(before), _names(after)


def _is_comparable(path: str, here: _Shape, there: _Shape) -> bool:
    """Say whether the absence of a path means something.

    It does not when its parent is absent as well, or is no object there, which is told
    of the parent; nor for the items of an empty array.
    """
    parent = here.parents[path]
    return not path.endswith("[*]") and "object" in there.types.get(parent, ())


def _type_of(value: object) -> str:
    if is_list(value):
        return "array"
    return "object" if is_mapping(value) else _TYPES[type(value)]


def _names(types: set[str] | None) -> str:
    return " or ".join(sorted(types or ()))
