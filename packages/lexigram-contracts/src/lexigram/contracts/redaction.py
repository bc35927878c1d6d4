"""What may be shown of a URL or a header: the one place that decides it."""

from __future__ import annotations

import re
from collections.abc import Iterable

__all__ = [
    "REDACTED",
    "is_secret_name",
    "redact_headers",
    "redact_text",
    "redact_url",
]

REDACTED = "***"

# Patterns are compiled, and kept by `re`, when the first text is redacted: most processes
# that import the contracts never do.
_AUTHORITY = r"^([a-zA-Z][a-zA-Z0-9+.-]*:)?//[^/?#]*@"
_QUERY_VALUE = r"=[^&]*"

# Names of headers and fields that carry credentials, as a part of a longer name
# ("x-api-key", "X-Amz-Security-Token", "Set-Cookie").
_CREDENTIAL = (
    r"(?i)"
    r"auth|cookie|token|secret|passw|credential|api[-_]?key|apikey|session|signature"
    r"|(^|[-_])(key|sig|pwd)$"
)

# A name and its value in JSON, in a form, or in prose; the value may be cut off. A name
# is tried from its first letter only, and whole: a megabyte of letters is one attempt.
_FIELD = r"""(?<![\w-])(?P<name>[\w-]++)(?P<between>["']?\s*[:=]\s*)(?P<value>"[^"]*"?|'[^']*'?|[^\s,&;}\]]+)"""


def is_secret_name(name: str) -> bool:
    """Say whether a header or field of this name is taken to carry a secret."""
    return re.search(_CREDENTIAL, name) is not None


def redact_url(url: str) -> str:
    """Return `url` without userinfo, query values and fragment.

    Names of query parameters stay, since they tell which call it was. Never raises:
    an unusable URL is what error messages are about.

    Example:
        >>> redact_url("https://me:pw@api.test/v1?api_key=s3cret&page=2")
        'https://***@api.test/v1?api_key=***&page=***'
    """
    url = re.sub(_AUTHORITY, lambda m: f"{m[1] or ''}//{REDACTED}@", url)
    address, _, _ = url.partition("#")
    path, mark, query = address.partition("?")
    if not mark:
        return path
    shown = "&".join(
        re.sub(_QUERY_VALUE, f"={REDACTED}", part) if "=" in part else REDACTED
        for part in query.split("&")
    )
    return f"{path}?{shown}"


def redact_headers(headers: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return the pairs with the values of secret-looking names replaced."""
    return [
        (name, REDACTED if is_secret_name(name) else value) for name, value in headers
    ]


def redact_text(text: str) -> str:
    """Return `text` with the values after secret-looking names replaced.

    For excerpts of bodies: `"token": "x"`, `token=x` and `Authorization: x` are known.

    Example:
        >>> redact_text('{"id": 1, "access_token": "s3cret"}')
        '{"id": 1, "access_token": ***}'
    """
    return re.sub(_FIELD, _hide_value, text)


def _hide_value(field: re.Match[str]) -> str:
    if not is_secret_name(field["name"]):
        return field[0]
    return f"{field['name']}{field['between']}{REDACTED}"
