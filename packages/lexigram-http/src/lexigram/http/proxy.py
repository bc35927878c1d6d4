"""An HTTP proxy: its address, and what is said to it."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TypeAlias
from urllib.parse import unquote, urlsplit

from lexigram.contracts.web.calling import proxy_problem

_Pair: TypeAlias = tuple[str, str]
_Pairs: TypeAlias = list[_Pair]


@dataclass(frozen=True, slots=True)
class Proxy:
    """An HTTP proxy.

    Attributes:
        url: Where it is, without credentials.
        authorization: The value of Proxy-Authorization, for the proxy alone.
    """

    url: str
    authorization: str | None = field(default=None, repr=False)

    @classmethod
    def parse(cls, url: str) -> Proxy:
        """Take the credentials out of `url`.

        Raises:
            ValueError: It is not the URL of an HTTP proxy. The message does not hold it.
        """
        problem = proxy_problem(url)
        if problem:
            raise ValueError(problem)
        parts = urlsplit(url)
        userinfo, at, address = parts.netloc.rpartition("@")
        plain = f"{parts.scheme.lower()}://{address}"
        return cls(plain, _basic(userinfo) if at else None)

    def share(self, url: str, headers: Iterable[_Pair]) -> tuple[_Pairs, _Pairs]:
        """Return what the request itself carries, and what opens a tunnel for it.

        The proxy reads a request for http, and only CONNECT before one for https: its
        credentials must not go on to the server. Those of a request win over its own.
        """
        rest: _Pairs = []
        credentials: _Pairs = []
        for name, value in headers:
            own = name.lower() == "proxy-authorization"
            (credentials if own else rest).append((name, value))
        if not credentials and self.authorization is not None:
            credentials.append(("Proxy-Authorization", self.authorization))
        if url[:6].lower() == "https:":
            return rest, credentials
        return rest + credentials, []


def _basic(userinfo: str) -> str:
    """Return the credentials as in RFC 7617."""
    user, _, password = userinfo.partition(":")
    credentials = f"{unquote(user)}:{unquote(password)}".encode()
    return f"Basic {b64encode(credentials).decode('ascii')}"
