"""Which URLs a client can call, and how they are written on the wire."""

from __future__ import annotations

import re
from typing import Final

from lexigram.contracts.web._errors import HTTPInvalidRequestError

__all__ = ["check_url", "usable_url"]

_UNUSABLE = re.compile(r"[\x00-\x20\x7f]")
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_NOT_IN_A_HOST = re.compile(r"[\"<>\\^`{|}]")
# What may stand in a path or a query as it is (RFC 3986 §3.3, §3.4), but for "%", which
# begins an escape.
_AS_IT_IS: Final = "!$&'()*+,/:;=?@~"
_LEGAL: Final = r"[!$&-;=?-Z_a-z~]*"
# What nearly every URL is like, and what can have no problem: parsing one takes longer.
_PLAIN = re.compile(
    r"https?://[a-z0-9.-]+(?::[1-5]?[0-9]{1,4})?"
    rf"(?:[/?]{_LEGAL}(?:%[0-9A-Fa-f]{{2}}{_LEGAL})*(?<!\?))?"
)
_NO_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")


def check_url(url: str) -> None:
    """Refuse what is not an absolute http or https URL with a host.

    Raises:
        HTTPInvalidRequestError: Says what is wrong with it.
    """
    problem = None if _PLAIN.fullmatch(url) else _problem(url)
    if problem:
        raise HTTPInvalidRequestError(problem, url=url)


def usable_url(url: str) -> str:
    """Return a URL as it is sent: what is signed, matched or compared is this one.

    What RFC 3986 does not allow is escaped, dot segments are removed (§5.2.4), scheme
    and host are in lower case (§6.2.2.1); a fragment and an empty query are left out.
    Nothing else is touched: "%2F" stays, and so do "a/b" and "%41", since to whom they
    are for only the server knows.

    Raises:
        HTTPInvalidRequestError: It is not an absolute http or https URL with a host.
    """
    if _PLAIN.fullmatch(url) and "/." not in url:
        return url
    problem = _problem(url)
    if problem:
        raise HTTPInvalidRequestError(problem)
    return _written_out(url)


def _problem(url: str) -> str | None:
    what = _what_is_wrong(url)
    if what is None:
        return None
    return f"The URL {what}. Give an absolute one, such as https://api.test/v1."


def _what_is_wrong(url: str) -> str | None:
    if _UNUSABLE.search(url):
        return "holds white space or a control character"
    if _SURROGATE.search(url):
        return "holds half of a surrogate pair, which UTF-8 cannot write"
    from urllib.parse import urlsplit  # noqa: PLC0415 - see `_building`

    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:  # which quotes it, userinfo and all
        return "has a host or a port that cannot be parsed"
    if parts.scheme.lower() not in {"http", "https"}:
        return f"has {f'the scheme {parts.scheme!r}' if parts.scheme else 'no scheme'}"
    if not host:
        return "has no host"
    wrong = _NOT_IN_A_HOST.search(host)
    return f"has a host with {wrong[0]!r} in it" if wrong else None


def _written_out(url: str) -> str:
    from urllib.parse import urlsplit  # noqa: PLC0415 - see `_building`

    parts = urlsplit(url)
    userinfo, at, host = parts.netloc.rpartition("@")
    origin = f"{parts.scheme.lower()}://{userinfo}{at}{host.lower()}"
    path = _without_dots(_escaped(parts.path))
    query = _escaped(parts.query)
    return f"{origin}{path}?{query}" if query else f"{origin}{path}"


def _without_dots(path: str) -> str:
    if "/." not in path:
        return path
    kept: list[str] = []
    segments = path.split("/")[1:]
    for segment in segments:
        if segment == "..":
            del kept[-1:]
        elif segment != ".":
            kept.append(segment)
    if segments[-1] in {".", ".."}:
        kept.append("")
    return f"/{'/'.join(kept)}"


def _escaped(text: str) -> str:
    from urllib.parse import quote  # noqa: PLC0415 - see `_building`

    return quote(_NO_ESCAPE.sub("%25", text), safe=f"%{_AS_IT_IS}")
