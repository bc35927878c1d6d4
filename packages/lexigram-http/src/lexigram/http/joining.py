"""A base URL and what is below it: the one place that decides what leads out."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import unquote, urlsplit

from lexigram.contracts.web import HTTPInvalidRequestError, check_url, usable_url
from lexigram.http.interceptors.origins import origin_of

__all__ = ["BaseURL", "is_absolute"]

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")

# A proxy decodes a path, the server behind it does, and its framework may once more.
_DECODINGS: Final = 3


def is_absolute(url: str) -> bool:
    """Say whether a reference begins with a scheme (RFC 3986 §3.1)."""
    return _SCHEME.match(url) is not None


class BaseURL:
    """A base URL and the URLs below it.

    Every URL that is returned begins with the base URL, text for text; nothing of a path
    can take the place of the host or climb out of the base's own path.

    Args:
        url: An absolute http(s) URL without query and fragment.

    Raises:
        HTTPInvalidRequestError: It is something else.
    """

    __slots__ = ("_parts", "_userinfo", "shown", "url")

    url: str
    """The base URL as it is sent, without a slash at its end."""
    shown: str
    """The same, redacted."""

    def __init__(self, url: str) -> None:
        check_url(url)
        given = urlsplit(url)
        if given.query or given.fragment:
            raise HTTPInvalidRequestError(
                "A base URL has no query and no fragment. Put parameters into `params`.",
                url=url,
            )
        self.url = usable_url(url).rstrip("/")
        self.shown = HTTPInvalidRequestError("", url=self.url).url
        self._parts = urlsplit(self.url)
        self._userinfo = self._parts.netloc.rpartition("@")[0]

    @property
    def path(self) -> str:
        """The path of the base URL, without a slash at its end."""
        return self._parts.path

    def join(self, path: str) -> str:
        """Return the URL of `path`.

        Raises:
            HTTPInvalidRequestError: It leads out of the base URL.
        """
        below = self.below(path)
        if below is None:
            raise self.refusal(path)
        return self.url + below

    def below(self, path: str) -> str | None:
        """Return what to append to the base URL, or None where `path` leads out of it.

        `"x"` and `"/x"` are the same, and so is the whole URL of either.
        """
        if _climbs(path) or path.startswith(("//", "/\\", "\\")):
            return None
        if is_absolute(path):
            return self._remainder(path)
        if not path or path.startswith(("?", "#")):
            return path
        return f"/{path.removeprefix('/')}"

    def refusal(self, path: str) -> HTTPInvalidRequestError:
        """Return the error for a path that leads out of the base URL."""
        shown = HTTPInvalidRequestError("", url=path).url.partition("?")[0]
        return HTTPInvalidRequestError(
            f"The path {shown!r} leads out of the base URL {self.shown}. Give a path "
            "below it, without '..', scheme or host; one with a colon in its first "
            "segment begins with '/'.",
            url=self.url,
        )

    def _remainder(self, url: str) -> str | None:
        try:
            usable = usable_url(url)
        except ValueError:  # that it is none says enough
            return None
        if origin_of(usable) != origin_of(self.url):
            return None
        parts = urlsplit(usable)
        # Other credentials than the base URL's are for somebody else's calls.
        if parts.netloc.rpartition("@")[0] not in {"", self._userinfo}:
            return None
        if f"{parts.path}/".startswith(f"{self.path}/"):
            return parts._replace(scheme="", netloc="").geturl()[len(self.path) :]
        return None

    def __repr__(self) -> str:
        return f"<BaseURL {self.shown}>"


def _climbs(path: str) -> bool:
    """Say whether a server may see a dot segment in `path` (RFC 3986 §5.2.4).

    Servers and proxies decode before they resolve, so "%2e%2e" is ".." as well; some
    take a backslash for a slash, and leave out what follows a semicolon.
    """
    text = path.partition("?")[0].partition("#")[0]
    for _ in range(_DECODINGS + 1):
        segments = text.replace("\\", "/").split("/")
        if any(segment.partition(";")[0] in {".", ".."} for segment in segments):
            return True
        if "%" not in text:
            return False
        text = unquote(text)
    return False
