"""What may be shown of a URL, a header or a text: the one place that decides it."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator

__all__ = [
    "REDACTED",
    "is_secret_key",
    "is_secret_name",
    "redact_headers",
    "redact_text",
    "redact_url",
    "redact_urls",
]

REDACTED = "***"

_URL_FIELDS = frozenset({"content-location", "location", "referer"})
_IN_BRACKETS = r"<([^<>]*)>"

# Patterns are compiled, and kept by `re`, when the first text is redacted: most processes
# that import the contracts never do.

# Userinfo, also where the URL is none: after white space, with slashes that fell over,
# or without a scheme. A path alone ("/x@y") has no userinfo.
_USERINFO = (
    r"^([\x00-\x20]*(?:[a-zA-Z][a-zA-Z0-9+.-]*:)?[/\\]{2}"
    r"|[\x00-\x20]*[a-zA-Z][a-zA-Z0-9+.-]*:[/\\]"
    r"|(?=[^/\\?#]))[^/?#]*@"
)
# That of a URL that is a part of a path.
_INNER_USERINFO = r"://[^/?#]*@"

# What looks like a host and a port, but has no number there, is half of a password that
# was written as it is: "https://me:pa/ss@host".
_BROKEN_PORT = r"^([^/?#]*[/\\]{2}(?:[^/?#]*@)?+)(?![0-9a-fA-F:.%\[\]]*(?:[/?#]|$))[^/?#\[\]@:]*:(?![0-9]*(?:[/?#]|$))"

# Names of headers and fields that carry credentials, as a part of a longer name
# ("x-api-key", "X-Amz-Security-Token", "Set-Cookie").
_CREDENTIAL = (
    r"(?i)"
    r"auth(?!or(?:s|ed|ity|[-_]|$))"
    r"|cookie|token|secret|passw|credential|api[-_]?key|apikey|session|signature"
    r"|(^|[-_])(key|sig|pwd)$"
)

# Narrower, for the keys of data that is read on: "session_count" is no secret there.
_CREDENTIAL_KEY = (
    r"(?i)(?!.*(type|endpoint|ur[il]|supported)$).*("
    r"token|secret|passw|passphrase|api[-_]?key|(access|private|encryption)[-_]?key"
    r"|credential|authorization|cookie|session[-_]?(id|key)|signature|jwt"
    r"|(^|[-_])(pwd|sig)$)"
)

# A URL within a text, and credentials after the scheme that they are for (RFC 9110
# §11.6.2): a digit tells them from prose ("Basic authentication"). Each is tried from its
# first letter only, and whole: a megabyte of letters is one attempt.
_URL = r"(?<![\w+.-])[a-zA-Z][\w+.-]*+://[^\s\"'<>]*"
_AFTER_SCHEME = (
    r"(?i)\b(basic|bearer|negotiate) +"
    r"(?=[\w.~+/=-]*[0-9]|[\w.~+/=-]{20})[\w.~+/=-]{6,}"
)

# A name and its value in JSON, in a form, in a list of pairs, or in prose; the value may
# be cut off. The fields of HTTP that carry credentials end with their line.
_FIELD = r"""(?<![\w-])([\w-]++)(["']?\s*[:=]\s*|["']\s*,\s*(?=["']))"""
_VALUE = r""""[^"]*"?|'[^']*'?|[^\s,&;}\]]+"""
_HEADER = (
    r"(?i)(?<![\w-])((?:proxy-)?authorization|(?:set-)?cookie)(\s*[:=]\s*)"
    r"(?=[^\s\"'])[^\r\n\"']+"
)


def is_secret_name(name: str) -> bool:
    """Say whether a header or field of this name is taken to carry a secret."""
    return re.search(_CREDENTIAL, name) is not None


def is_secret_key(name: str) -> bool:
    """Say whether a key of structured data, such as JSON, is taken to hold a secret.

    Narrower than `is_secret_name`, for data that has to stay what it is otherwise.
    """
    return re.match(_CREDENTIAL_KEY, name, re.DOTALL) is not None


def redact_url(
    url: str,
    *,
    shown: Collection[str] = (),
    userinfo: str = REDACTED,
    value: str = REDACTED,
) -> str:
    """Return `url` without userinfo, query values and fragment.

    Names of query parameters stay, since they tell which call it was. Never raises:
    an unusable URL is what error messages are about.

    Args:
        url: Also one that is none.
        shown: Names of query parameters, as they are written, whose values are shown.
        userinfo: What stands for userinfo.
        value: What stands for a value.

    Example:
        >>> redact_url("https://me:pw@api.test/v1?api_key=s3cret&page=2")
        'https://***@api.test/v1?api_key=***&page=***'
    """
    url = re.sub(_USERINFO, lambda m: f"{m[1]}{userinfo}@", url)
    broken = re.match(_BROKEN_PORT, url)
    if broken:
        return f"{broken[1]}{value}"
    address, _, _ = url.partition("#")
    path, mark, query = address.partition("?")
    begin, slashes, rest = path.partition("//")
    path = f"{begin}{slashes}{re.sub(_INNER_USERINFO, f'://{userinfo}@', rest)}"
    if not mark:
        return path
    pairs = (_redact_pair(part, shown, value) for part in query.split("&"))
    return f"{path}?{'&'.join(pairs)}"


def redact_urls(text: str) -> str:
    """Return `text` with each URL in it as `redact_url` has it.

    Credentials that follow the name of their scheme ("Bearer …") are taken out too.

    Example:
        >>> redact_urls("No answer from https://me:pw@api.test/v1?key=s3cret yet")
        'No answer from https://***@api.test/v1?key=*** yet'
    """
    if "://" in text:
        text = re.sub(_URL, lambda m: redact_url(m[0]), text)
    return re.sub(_AFTER_SCHEME, rf"\1 {REDACTED}", text)


def redact_headers(headers: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return the pairs with the values of secret-looking names replaced.

    Other values lose what `redact_urls` takes out, and so do Location and Link, which may
    hold a code.
    """
    return [(name, _redact_field(name, value)) for name, value in headers]


def redact_text(text: str) -> str:
    """Return `text` with the values after secret-looking names replaced.

    For excerpts of bodies: `"token": "x"`, `token=x` and `Authorization: x` are known.
    What `redact_urls` takes out is taken out as well.

    Example:
        >>> redact_text('{"id": 1, "access_token": "s3cret"}')
        '{"id": 1, "access_token": ***}'
    """
    text = re.sub(_HEADER, rf"\1\2{REDACTED}", text)
    return redact_urls("".join(_without_values(text)))


def _redact_field(name: str, value: str) -> str:
    if is_secret_name(name):
        return REDACTED
    lower = name.lower()
    if lower in _URL_FIELDS:
        return redact_url(value)
    if lower == "link":
        return re.sub(_IN_BRACKETS, lambda m: f"<{redact_url(m[1])}>", value)
    return redact_urls(value)


def _redact_pair(pair: str, shown: Collection[str], value: str) -> str:
    name, mark, _ = pair.partition("=")
    if not mark:
        return value
    return pair if name in shown else f"{name}={value}"


def _without_values(text: str) -> Iterator[str]:
    fields, values = re.compile(_FIELD), re.compile(_VALUE)
    done = position = 0
    while field := fields.search(text, position):
        # The value of a harmless name may hold other fields.
        position = field.end()
        if is_secret_name(field[1]):
            value = values.match(text, position)
            if value is not None:
                yield f"{text[done:position]}{REDACTED}"
                done = position = value.end()
    yield text[done:]
