"""Which proxy a request goes through."""

from __future__ import annotations

from urllib.parse import urlsplit
from urllib.request import (  # type: ignore[attr-defined]  # typeshed lacks the second
    getproxies_environment,
    proxy_bypass_environment,
)

from lexigram.http.config import HTTPClientConfig


class ProxySelector:
    """Answers the proxy of a URL, from the configuration or the environment.

    The environment is read once: reading it for every request costs several times what
    the request itself does. HTTP_PROXY is not read under CGI, where a request header can
    set it (https://httpoxy.org); the standard library's function sees to that.
    """

    def __init__(self, config: HTTPClientConfig) -> None:
        self._fixed = config.proxy.get_secret_value() if config.proxy else None
        self._from_env = getproxies_environment() if config.trust_env else {}
        self._by_origin: dict[tuple[str, str], str | None] = {}

    def select(self, url: str) -> str | None:
        """Return the URL of the proxy for `url`, or None to connect directly."""
        if self._fixed is not None or not self._from_env:
            return self._fixed
        parts = urlsplit(url)
        origin = (parts.scheme.lower(), parts.netloc.rpartition("@")[2])
        if origin not in self._by_origin:
            self._by_origin[origin] = self._of_origin(*origin)
        return self._by_origin[origin]

    def _of_origin(self, scheme: str, authority: str) -> str | None:
        if proxy_bypass_environment(authority, self._from_env):
            return None
        return self._from_env.get(scheme) or self._from_env.get("all")
