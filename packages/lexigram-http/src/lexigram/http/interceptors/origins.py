"""What keeps a credential at the origin that it is for."""

from __future__ import annotations

from urllib.parse import urlsplit

from lexigram.contracts.web import InterceptorProtocol, RequestContext, check_url

_PORTS = {"http": 80, "https": 443}

# In the state of a call: every origin that it has been to.
_VISITED = "lexigram.http.origins"


def origin_of(url: str) -> str:
    """Return scheme, host and port of a URL (RFC 6454 §4), a usual port left out.

    Raises:
        HTTPInvalidRequestError: It is not an absolute http(s) URL.
    """
    check_url(url)
    return _origin(url)


def _origin(url: str) -> str:
    parts = urlsplit(url)
    scheme = parts.scheme.lower()
    host = parts.hostname or ""
    shown = f"[{host}]" if ":" in host else host
    port = parts.port
    usual = port is None or port == _PORTS.get(scheme)
    return f"{scheme}://{shown}" if usual else f"{scheme}://{shown}:{port}"


def is_only_at(origin: str, request: RequestContext) -> bool:
    """Say whether an attempt, and its call so far, went to this origin only.

    A call that was elsewhere does not come back, even when a redirect leads it here:
    whoever redirects must not decide what is done with a credential. False as well for a
    URL with userinfo, which brings credentials of its own.
    """
    visited: set[str] = request.state.setdefault(_VISITED, set())
    visited.add(_origin(request.url))
    return visited == {origin} and "@" not in urlsplit(request.url).netloc


class OriginBound(InterceptorProtocol):
    """An interceptor of attempts that minds the requests to one origin."""

    scope: str = "attempt"

    def __init__(self, origin: str) -> None:
        self._origin = origin_of(origin)

    @property
    def origin(self) -> str:
        """The origin that this is for."""
        return self._origin

    def concerns(self, request: RequestContext) -> bool:
        """Say whether `request` is for the origin, and has no credentials of its own.

        See `is_only_at`, which keeps account of every request.
        """
        return is_only_at(self._origin, request) and not request.own_auth

    def __repr__(self) -> str:
        return f"<{type(self).__name__} for {self._origin}>"
