"""A client of one upstream: base URL, default headers, default timeout."""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import Self, Unpack
from urllib.parse import unquote, urlsplit

from lexigram.contracts.web import (
    Headers,
    HeaderSource,
    HTTPClientProtocol,
    HTTPInvalidRequestError,
    HttpResponse,
    InterceptorProtocol,
    MutableHeaders,
    RequestOptions,
    check_url,
)
from lexigram.http.client import HTTPClient
from lexigram.http.config import HTTPClientConfig


class BaseURLHTTPClient:
    """Calls one upstream by path.

    `"invoices"` and `"/invoices"` both append to the base URL. A path cannot leave it:
    `..` segments, `//host` and URLs of another origin are refused, so that neither the
    request nor the default headers reach someone else.

    The verbs return the response, whatever its status, and raise `HTTPClientError` when
    there is none; `response.raise_for_status()` raises on 400 and more.

    Args:
        base_url: An absolute http(s) URL; its query, if any, is not allowed.
        headers: Sent with every request; those of a call win over them.
        timeout: Seconds for a call, as `RequestOptions.timeout`. Left out: the client's.
        config: For the client that is made, started and stopped here.
        interceptors: For that client.
        client: The client to go through instead; its owner starts and stops it.

    Example:
        >>> async def pay(token: str) -> None:
        ...     async with BaseURLHTTPClient(
        ...         base_url="https://api.partner.example.com/v1",
        ...         headers={"Authorization": f"Bearer {token}"},
        ...         timeout=60.0,
        ...     ) as client:
        ...         response = await client.post("/invoices", json={"cents": 4200})
        ...         response.raise_for_status()
    """

    def __init__(
        self,
        base_url: str,
        *,
        headers: HeaderSource = (),
        timeout: float | None = None,
        config: HTTPClientConfig | None = None,
        interceptors: Sequence[InterceptorProtocol] = (),
        client: HTTPClientProtocol | None = None,
    ) -> None:
        if client is not None and config is not None:
            raise TypeError(
                "Give `config` or `client`, not both: a client has its configuration."
            )
        if client is not None and interceptors:
            raise TypeError(
                "Give `interceptors` or `client`, not both: a client has its own."
            )
        check_url(base_url)
        self._base = BaseURL(base_url)
        self._headers = Headers(headers)
        self._timeout = timeout
        self._own: HTTPClient | None = None
        if client is None:
            client = self._own = HTTPClient(config, interceptors=interceptors)
        self._client: HTTPClientProtocol = client

    @property
    def base_url(self) -> str:
        """The base URL, without a slash at its end."""
        return self._base.url

    async def start(self) -> None:
        """Open the pool, when the client is its own; idempotent."""
        if self._own is not None:
            await self._own.start()

    async def stop(self) -> None:
        """Close the pool, when the client is its own; idempotent."""
        if self._own is not None:
            await self._own.stop()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.stop()

    async def get(self, path: str, **options: Unpack[RequestOptions]) -> HttpResponse:
        """Send GET."""
        return await self.request("GET", path, **options)

    async def post(self, path: str, **options: Unpack[RequestOptions]) -> HttpResponse:
        """Send POST."""
        return await self.request("POST", path, **options)

    async def put(self, path: str, **options: Unpack[RequestOptions]) -> HttpResponse:
        """Send PUT."""
        return await self.request("PUT", path, **options)

    async def delete(
        self, path: str, **options: Unpack[RequestOptions]
    ) -> HttpResponse:
        """Send DELETE."""
        return await self.request("DELETE", path, **options)

    async def patch(self, path: str, **options: Unpack[RequestOptions]) -> HttpResponse:
        """Send PATCH."""
        return await self.request("PATCH", path, **options)

    async def head(self, path: str, **options: Unpack[RequestOptions]) -> HttpResponse:
        """Send HEAD."""
        return await self.request("HEAD", path, **options)

    async def request(
        self, method: str, path: str, **options: Unpack[RequestOptions]
    ) -> HttpResponse:
        """Send any method to a path below the base URL.

        Raises:
            HTTPInvalidRequestError: The path leads out of the base URL.
            HTTPClientError: There is no response; the class says why.
        """
        url = self._base.join(path)
        options["headers"] = self._merged(
            options.get("headers", ()), own_auth="auth" in options
        )
        if self._timeout is not None:
            options.setdefault("timeout", self._timeout)
        return await self._client.request(method, url, **options)

    def _merged(self, own: HeaderSource, *, own_auth: bool) -> Headers:
        own = Headers(own)
        merged = MutableHeaders([p for p in self._headers.pairs if p[0] not in own])
        if own_auth and "authorization" not in own:
            merged.pop("authorization", None)
        for name, value in own.pairs:
            merged.add(name, value)
        return merged

    def __repr__(self) -> str:
        return f"<BaseURLHTTPClient {self._base.shown}>"


class BaseURL:
    """A base URL and the paths below it."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.query or parts.fragment:
            raise HTTPInvalidRequestError(
                "A base URL has no query and no fragment. Put parameters into `params`.",
                url=url,
            )
        self.url = url.rstrip("/")
        self.shown = HTTPInvalidRequestError("", url=self.url).url

    def join(self, path: str) -> str:
        """Return the URL of `path`, or refuse one that leads elsewhere."""
        if _leads_elsewhere(path):
            raise HTTPInvalidRequestError(
                f"The path {path.partition('?')[0]!r} leads out of the base URL "
                f"{self.shown}. Give a path below it, without '..', scheme or host.",
                url=self.url,
            )
        if not path or path.startswith("?"):
            return self.url + path
        return f"{self.url}/{path.removeprefix('/')}"


def _leads_elsewhere(path: str) -> bool:
    if path.startswith(("//", "/\\", "\\")) or urlsplit(path).scheme:
        return True
    # Servers and proxies decode before they resolve, so "%2e%2e" is ".." as well.
    decoded = unquote(path.partition("?")[0].partition("#")[0]).replace("\\", "/")
    return bool({".", ".."} & set(decoded.split("/")))
