"""Which proxy a request goes through."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final
from urllib.parse import urlsplit

from lexigram.contracts.web import HTTPBlockedError, HTTPConnectionError
from lexigram.http.config import HTTPClientConfig
from lexigram.http.no_proxy import NoProxy
from lexigram.http.proxy import Proxy

# A client that crawls must not keep every origin that it ever met.
_MOST_ORIGINS: Final = 1024

_PORTS: Final = {"http": 80, "https": 443}

# Those of single calls are read once for each text, and not kept for ever either.
_MOST_PROXIES: Final = 64


@dataclass(frozen=True, slots=True)
class ProxyChoice:
    """What became of the question which proxy an origin is called through.

    Attributes:
        proxy: The proxy; None to connect directly.
        reason: What decided it: "proxy", the name of a variable, or "" for nothing.
        problem: Why the proxy that was named cannot be used.
    """

    proxy: Proxy | None = None
    reason: str = ""
    problem: str = ""


_DIRECT: Final = ProxyChoice()


class ProxySelector:
    """Answers the proxy of a URL, from the configuration or the environment.

    The environment is read once, and an origin is looked up in it once: doing it for
    every request costs several times what the request itself does. A variable in lower
    case wins over the same one in upper case, even when it is empty. HTTP_PROXY is not
    read under CGI, where a header of a request can set it (https://httpoxy.org).
    ALL_PROXY is for schemes that have no variable of their own.

    Args:
        config: `proxy` wins over the environment, `trust_env` lets it be read, and
            `egress` forbids what could be reached through one that it does not trust.
        environ: The environment; left out: that of the process.
    """

    def __init__(
        self, config: HTTPClientConfig, environ: Mapping[str, str] | None = None
    ) -> None:
        self._egress = config.egress
        forbidden = config.egress.restricts and not config.egress.trust_proxy
        self._forbidden: bool = forbidden
        self._fixed: ProxyChoice | None = None
        self._named: dict[str, ProxyChoice] = {}
        self._no_proxy = ("", NoProxy(""))
        self._by_origin: dict[tuple[str, str], ProxyChoice] = {}
        if config.proxy is not None:
            url = config.proxy.get_secret_value()
            self._fixed = ProxyChoice(Proxy.parse(url), "proxy")
        elif config.trust_env and not forbidden:
            self._read(os.environ if environ is None else environ)
        if not self._named and self._fixed is None:
            self._fixed = _DIRECT

    def select(self, url: str, *, method: str = "") -> Proxy | None:
        """Return the proxy for `url`, or None to connect directly.

        Raises:
            HTTPConnectionError: The environment names one that cannot be used.
        """
        choice = self._fixed or self.choose(url)
        if choice.problem:
            raise HTTPConnectionError(
                f"{choice.problem} Or name the host in NO_PROXY, "
                "or leave the environment alone with `trust_env: false`.",
                failure="proxy",
                method=method,
                url=url,
            )
        return choice.proxy

    def choose(self, url: str) -> ProxyChoice:
        """Return the decision for `url` with its reason."""
        if self._fixed is not None:
            return self._fixed
        parts = urlsplit(url)
        origin = (parts.scheme.lower(), parts.netloc.rpartition("@")[2])
        choice = self._by_origin.get(origin)
        if choice is None:
            port = parts.port or _PORTS.get(origin[0], 0)
            choice = self._of_origin(origin[0], parts.hostname or "", port)
            if len(self._by_origin) >= _MOST_ORIGINS:
                self._by_origin.clear()
            self._by_origin[origin] = choice
        return choice

    def of_call(self, proxy: str | None, url: str, *, method: str = "") -> Proxy | None:
        """Return what the option `proxy` of one call names; None to connect directly.

        Raises:
            HTTPBlockedError: The client may not connect to everything, and a proxy does.
        """
        if proxy is None:
            return None
        if self._forbidden:
            raise HTTPBlockedError(
                f"A proxy connects to anything, so `egress` ({self._egress.summary}) would "
                "not hold with `proxy=`. Leave it out, or set `egress.trust_proxy` if the "
                "proxy enforces the policy.",
                method=method,
                url=url,
            )
        return _parsed(proxy)

    @property
    def sources(self) -> tuple[str, ...]:
        """What names a proxy: "proxy", or variables; empty when nothing does."""
        if self._fixed is not None:
            return (self._fixed.reason,) if self._fixed.reason else ()
        return tuple(choice.reason for choice in self._named.values())

    def _read(self, environ: Mapping[str, str]) -> None:
        for scheme in ("http", "https", "all"):
            variable, value = _variable(environ, scheme)
            if value:
                self._named[scheme] = _named(variable, value)
        variable, value = _variable(environ, "no")
        self._no_proxy = (variable, NoProxy(value))

    def _of_origin(self, scheme: str, host: str, port: int) -> ProxyChoice:
        named = self._named.get(scheme) or self._named.get("all")
        if named is None:
            return _DIRECT
        variable, no_proxy = self._no_proxy
        if no_proxy.covers(host, port):
            return ProxyChoice(reason=variable)
        return named


@lru_cache(_MOST_PROXIES)
def _parsed(url: str) -> Proxy:
    """Read the option `proxy`, which was checked with the request."""
    return Proxy.parse(url)


def _variable(environ: Mapping[str, str], scheme: str) -> tuple[str, str]:
    """Return the name and the value of `<scheme>_proxy`."""
    lower, upper = f"{scheme}_proxy", f"{scheme}_proxy".upper()
    if lower in environ:
        return lower, environ[lower].strip()
    if upper == "HTTP_PROXY" and "REQUEST_METHOD" in environ:
        return upper, ""
    return upper, environ.get(upper, "").strip()


def _named(variable: str, value: str) -> ProxyChoice:
    """Read the value of a variable; as for curl, a scheme may be left out."""
    url = value if "://" in value else f"http://{value}"
    try:
        return ProxyChoice(Proxy.parse(url), variable)
    except ValueError as error:
        problem = f"{variable} does not name a proxy that can be used. {error}"
        return ProxyChoice(reason=variable, problem=problem)
