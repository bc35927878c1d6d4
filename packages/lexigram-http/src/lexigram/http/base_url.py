"""A client of one upstream: base URL, default headers, default timeout."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Sequence
from contextlib import asynccontextmanager
from copy import copy
from dataclasses import replace
from os import PathLike
from types import TracebackType
from typing import Self, Unpack, cast

from lexigram.contracts.web import (
    HTTPClientProtocol,
    HttpResponse,
    InterceptorProtocol,
    RequestOptions,
    ResponseStreamProtocol,
    StreamingHTTPClientProtocol,
)
from lexigram.http.client import HTTPClient
from lexigram.http.config import HTTPClientConfig
from lexigram.http.defaults import DefaultOptions, PathOptions
from lexigram.http.downloads.download import Download, DownloadOptions, download
from lexigram.http.explaining import CallPlan
from lexigram.http.links import find_link
from lexigram.http.pagination import MAX_PAGES, FindNext, Pages, first_page
from lexigram.http.upstream import Upstream


class PathDownloadOptions(PathOptions, DownloadOptions, total=False):
    """What `BaseURLHTTPClient.download` takes by keyword."""


class BaseURLHTTPClient:
    """Calls one upstream by path.

    `"invoices"` and `"/invoices"` both append to the base URL, and a whole URL that is
    below it is taken as well. A path cannot leave it: `..` segments, `//host` and other
    URLs are refused, so that neither the request nor the default headers reach someone
    else. Redirects are followed wherever they lead, by the rules for credentials that
    hold for every client.

    A path may have variables: `client.get("/invoices/{id}", path_params={"id": 7})`. Each
    value is percent-encoded as a part of one segment, and the path as it is written, with
    that of the base URL, becomes the `route` of the call.

    The verbs return the response, whatever its status, and raise `HTTPClientError` when
    there is none; `response.raise_for_status()` raises on 400 and more.

    Args:
        base_url: An absolute http(s) URL; its query, if any, is not allowed.
        config: For the client that is made, started and stopped here.
        interceptors: For that client.
        client: The client to go through instead; its owner starts and stops it.
        defaults: What is added to every call: `headers`, `params`, `timeout` and the
            others of `DefaultOptions`.

    Raises:
        HTTPInvalidRequestError: The base URL or a default is not usable.

    Example:
        >>> async with BaseURLHTTPClient(
        ...     base_url="https://api.example.com/v1",
        ...     headers={"Authorization": f"Bearer {token}"},
        ...     timeout=60.0,
        ... ) as client:
        ...     response = await client.post("/invoices", json={"cents": 4200})
        >>> response.raise_for_status().json
        {'id': 'inv_1', 'cents': 4200}
    """

    def __init__(
        self,
        base_url: str,
        *,
        config: HTTPClientConfig | None = None,
        interceptors: Sequence[InterceptorProtocol] = (),
        client: HTTPClientProtocol | None = None,
        **defaults: Unpack[DefaultOptions],
    ) -> None:
        if client is not None and config is not None:
            raise TypeError(
                "Give `config` or `client`, not both: a client has its configuration."
            )
        if client is not None and interceptors:
            raise TypeError(
                "Give `interceptors` or `client`, not both: a client has its own."
            )
        self._upstream = Upstream.at(base_url, defaults)
        self._own: HTTPClient | None = None
        if client is None:
            client = self._own = HTTPClient(config, interceptors=interceptors)
        self._client: HTTPClientProtocol = client

    @property
    def base_url(self) -> str:
        """The base URL, without a slash at its end."""
        return self._upstream.base.url

    def with_options(self, path: str = "", **changes: Unpack[DefaultOptions]) -> Self:
        """Return a client with other defaults on the same pool.

        Headers and parameters are added to those that are there, in the place of their
        name (None leaves a parameter out); everything else takes the place of what was.
        The pool is started and stopped with this client, whatever is done to the other.

        Args:
            path: The part of the upstream, below the base URL, that it is for.
            changes: The defaults that differ.

        Raises:
            HTTPInvalidRequestError: The path leads out, or a default is not usable.
        """
        clone = copy(self)
        clone._own = None  # noqa: SLF001 - of this class
        clone._upstream = self._upstream.changed(path, changes)  # noqa: SLF001
        return clone

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

    async def get(self, path: str, **options: Unpack[PathOptions]) -> HttpResponse:
        """Send GET."""
        return await self.request("GET", path, **options)

    async def post(self, path: str, **options: Unpack[PathOptions]) -> HttpResponse:
        """Send POST."""
        return await self.request("POST", path, **options)

    async def put(self, path: str, **options: Unpack[PathOptions]) -> HttpResponse:
        """Send PUT."""
        return await self.request("PUT", path, **options)

    async def delete(self, path: str, **options: Unpack[PathOptions]) -> HttpResponse:
        """Send DELETE."""
        return await self.request("DELETE", path, **options)

    async def patch(self, path: str, **options: Unpack[PathOptions]) -> HttpResponse:
        """Send PATCH."""
        return await self.request("PATCH", path, **options)

    async def head(self, path: str, **options: Unpack[PathOptions]) -> HttpResponse:
        """Send HEAD."""
        return await self.request("HEAD", path, **options)

    async def options(self, path: str, **options: Unpack[PathOptions]) -> HttpResponse:
        """Send OPTIONS."""
        return await self.request("OPTIONS", path, **options)

    async def request(
        self, method: str, path: str, **options: Unpack[PathOptions]
    ) -> HttpResponse:
        """Send any method to a path below the base URL.

        Raises:
            HTTPInvalidRequestError: The path leads out of the base URL, or its variables
                and `path_params` do not fit.
            HTTPClientError: There is no response; the class says why.
        """
        url, completed = self._upstream.prepare(path, options)
        return await self._client.request(method, url, **completed)

    @asynccontextmanager
    async def stream(
        self, method: str, path: str, **options: Unpack[PathOptions]
    ) -> AsyncGenerator[ResponseStreamProtocol, None]:
        """Send a request and give its response, for a block, once the headers are there.

        Iterating over it gives the lines of the body; see `ResponseStreamProtocol`.

        Raises:
            HTTPClientError: On entering the block, as `request`.
            TypeError: The client that was given does not stream.
        """
        client = self._streaming()
        url, completed = self._upstream.prepare(path, options)
        async with client.stream(method, url, **completed) as response:
            yield response

    async def download(
        self,
        path: str,
        file: str | PathLike[str],
        **options: Unpack[PathDownloadOptions],
    ) -> Download:
        """Fetch a path below the base URL into a file, as `lexigram.http.download`.

        Raises:
            HTTPInvalidRequestError: As `request`; or the headers, the defaults included,
                hold one that a download sets itself.
            HTTPClientError: The file is not there; the class says why.
            OSError: It cannot be written.
            TypeError: The client that was given does not stream.
        """
        client = self._streaming()
        url, completed = self._upstream.prepare(path, options)
        chosen = cast("DownloadOptions", completed)
        if isinstance(client, HTTPClient):  # whose clock waits
            return await client.download(url, file, **chosen)
        return await download(client, url, file, **chosen)

    def _streaming(self) -> StreamingHTTPClientProtocol:
        client: object = self._client
        if not isinstance(client, StreamingHTTPClientProtocol):
            raise TypeError(
                f"{client!r} does not stream: it has no `stream(method, url, ...)`."
            )
        return client

    def paginate(
        self,
        path: str,
        *,
        next_page: FindNext = find_link,
        max_pages: int | None = MAX_PAGES,
        allow_other_origins: bool = False,
        **options: Unpack[PathOptions],
    ) -> Pages:
        """Return the pages of a listing, to iterate over, as `lexigram.http.paginate`.

        Every page has the `route` of the first. A link that leads out of the base URL is
        refused, unless other origins are allowed, and then called without the defaults
        that `allow_absolute` withholds.

        Raises:
            HTTPInvalidRequestError: As `request`.
        """
        absolute = options.get("allow_absolute", self._upstream.allow_absolute)
        # The defaults are added to each request on its way.
        bare = replace(self._upstream, defaults={})
        url, completed = bare.prepare(path, options)
        client = self.with_options(allow_absolute=absolute or allow_other_origins)

        def send(url: str, options: RequestOptions) -> Awaitable[HttpResponse]:
            return client.request("GET", url, **cast("PathOptions", options))

        first = first_page(send, url, completed)
        return Pages(
            first, next_page, max_pages, allow_other_origins=allow_other_origins
        )

    def explain(
        self, method: str, path: str, **options: Unpack[PathOptions]
    ) -> CallPlan:
        """Return what a call would do, without making it, as `HTTPClient.explain`.

        Raises:
            HTTPInvalidRequestError: The path leads out of the base URL.
            HTTPClientError: The arguments are not usable, as for the call.
            TypeError: The client that was given is no `HTTPClient`.
        """
        client = self._client
        if not isinstance(client, HTTPClient):
            raise TypeError(
                f"{client!r} cannot say what a call would do: only an `HTTPClient` can."
            )
        url, completed = self._upstream.prepare(path, options)
        return client.explain(method, url, **completed)

    def __repr__(self) -> str:
        return f"<BaseURLHTTPClient {self._upstream.base.shown}>"
