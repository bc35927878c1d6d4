"""A last look for secrets before a cassette is written.

| looks like | what is looked for |
|---|---|
| credentials of a header | `Bearer` or `Basic` and at least 12 characters |
| a JSON Web Token | two base64url parts beginning with `eyJ` |
| an AWS access key | `AKIA` or `ASIA` and 16 capitals and digits |
| a key of GitHub, GitLab, Slack, Stripe, Google, OpenAI, npm | its prefix and length |
| a private key | the first line of a PEM block |
| the password of a URL | `//user:password@` |
| a secret after its name | at least 16 characters of hex or base64 that follow a name such as `api_key` or `token` |

A redactor of one's own may miss what the standard one hides, and a cassette is pushed
to a repository sooner than it is read.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any, Final, TypeAlias

from lexigram.contracts.redaction import is_secret_key, is_secret_name
from lexigram.contracts.web import Headers, HttpResponse
from lexigram.testing._calls.literals import is_list, is_mapping
from lexigram.testing._cassettes.bodies import FORM, media_type, parse
from lexigram.testing._cassettes.errors import Leak
from lexigram.testing._cassettes.interactions import Interaction

__all__ = ["leaks_in"]

# A capital or a digit within, so that "basic understanding" is none.
_CREDENTIALS = r"\b(?i:bearer|basic)\s+(?=\S+[A-Z0-9])[\w.~+/-]{12,}"

_SHAPES: Final = (
    ("a private key", r"-----BEGIN [A-Z ]*PRIVATE KEY-----"),
    ("a JSON Web Token", r"\beyJ[\w-]{8,}\.eyJ[\w-]{8,}\."),
    ("credentials of a header", _CREDENTIALS),
    ("an AWS access key", r"\b(AKIA|ASIA)[0-9A-Z]{16}\b"),
    ("a key of GitHub", r"\b(gh[pousr]_\w{36}|github_pat_\w{22})"),
    ("a key of GitLab", r"\bglpat-[\w-]{20}"),
    ("a key of Slack", r"\bxox[abeprs]-[\w-]{10}"),
    ("a key of Stripe", r"\b[rs]k_(live|test)_\w{16}"),
    ("a key of Google", r"\bAIza[\w-]{35}"),
    ("a key of OpenAI", r"\bsk-(proj-|ant-)?[\w-]{20}"),
    ("a key of npm", r"\bnpm_\w{36}"),
    ("the password of a URL", r"//[^/?#\s\"@:]+:(?!\*\*\*@)[^/?#\s\"@]+@"),
)
_ENCODED: Final = 24
_LONG = r"[A-Za-z0-9+/_-]{16,}={0,2}"
_NAMED = rf"""(?P<name>[\w-]+)["']?\s*[:=>]\s*["']?(?=[^\s"'<]*[0-9]){_LONG}"""


def leaks_in(
    interactions: Sequence[Interaction], keep: Collection[str] = ()
) -> list[Leak]:
    """Return everything in them that looks like a secret.

    A long value under a name in `keep`, in lower case, is none.
    """
    return [
        Leak(f"#{number} {interaction.name()}", place, kind)
        for number, interaction in enumerate(interactions, 1)
        for place, name, text in _texts(interaction)
        if (kind := _kind("" if name.lower() in keep else name, text))
    ]


# Where it is, the name it is under when that is one of a secret, and the text.
_Text: TypeAlias = tuple[str, str, str]


def _kind(name: str, text: str) -> str:
    """Return what a text looks like, empty when it is harmless."""
    for kind, pattern in _SHAPES:
        if re.search(pattern, text):
            return kind
    if name and re.fullmatch(_LONG, text.strip()):
        return f"a long value under the name {name!r}"
    for field in re.finditer(_NAMED, text):
        if is_secret_key(field["name"]):
            return f"a long value after the name {field['name']!r}"
    return ""


def _texts(interaction: Interaction) -> Iterator[_Text]:
    request, outcome = interaction.request, interaction.outcome
    yield "request url", "", request.url
    yield from _fields("request query", request.params)
    yield from _fields("request header", request.headers.pairs)
    yield from _body("request body", request.headers, request.body)
    if isinstance(outcome, HttpResponse):
        yield "response url", "", outcome.url
        yield from _fields("response header", outcome.headers.pairs)
        yield from _body("response body", outcome.headers, outcome.body)
    else:
        yield "error message", "", str(outcome)


def _fields(place: str, pairs: Iterable[tuple[str, str]]) -> Iterator[_Text]:
    for name, value in pairs:
        secret = is_secret_name(name) and not name.lower().endswith("-authenticate")
        yield f"{place} {name}", name if secret else "", value


def _body(place: str, headers: Headers, body: bytes) -> Iterator[_Text]:
    try:
        value = None if media_type(headers) == FORM else parse(body)
    except ValueError:
        value = None
    if value is None:
        for number, line in enumerate(body.decode("latin-1").split("\n"), 1):
            yield f"{place}, line {number}", "", line
    else:
        yield from _json(f"{place} $", value, "")


def _json(place: str, value: Any, name: str) -> Iterator[_Text]:
    if is_mapping(value):
        for key, inner in value.items():
            yield f"{place}, a key", "", key
            yield from _json(f"{place}.{key}", inner, key if is_secret_key(key) else "")
    elif is_list(value):
        for index, inner in enumerate(value):
            yield from _json(f"{place}[{index}]", inner, name)
    elif isinstance(value, str):
        yield place, name, value
        if len(value) >= _ENCODED and (decoded := _decoded(value)):
            yield f"{place} in base64", "", decoded


def _decoded(text: str) -> str:
    """Return what a text says in base64, empty when that is nothing."""
    try:
        return base64.b64decode(text, validate=True).decode("ascii")
    except ValueError:
        return ""
