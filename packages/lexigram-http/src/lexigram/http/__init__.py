"""The outbound HTTP client on aiohttp.

This package is the public path of every name; its modules are its own affair, but for
`lexigram.http.types`. The path of a call, file by file: `client` (verbs) → `call`
(deadline, interceptors, redirects) → `guard` (which policies) → `attempt.exchange` (one
exchange on the wire) → `pool.session` → `pool.connector`.

Example:
    >>> async with HTTPClient.session_context() as client:
    ...     result = await client.get("https://api.example.com/users")
    ...     if result.is_ok():
    ...         print(result.value.json)
    [{'name': 'Ada'}, {'name': 'Grace'}]
"""

import logging
from importlib import import_module
from typing import TYPE_CHECKING

from lexigram.contracts.web import (
    AroundInterceptorProtocol,
    AttemptRecord,
    HTTPBlockedError,
    HTTPCircuitOpenError,
    HTTPClientError,
    HTTPClientProtocol,
    HTTPClientStateError,
    HTTPConnectionError,
    HTTPDecodeError,
    HTTPInvalidRequestError,
    HTTPRedirectError,
    HTTPRejectedError,
    HttpResponse,
    HTTPResponseTooLargeError,
    HTTPRetryExhaustedError,
    HTTPStatusError,
    HTTPTimeoutError,
    HTTPTooManyRedirectsError,
    HTTPUnknownOptionError,
    InterceptorChainProtocol,
    InterceptorProtocol,
    RequestContext,
    ResponseContext,
    Timeouts,
    TLSReason,
    format_timeline,
)
from lexigram.http.client import HTTPClient
from lexigram.http.config import ConnectionPoolConfig, HTTPClientConfig
from lexigram.http.egress.config import Destinations, EgressConfig
from lexigram.http.pool.pool import ConnectionPool
from lexigram.http.pool.statistics import PoolStatistics
from lexigram.http.sharing import SharedPoolError
from lexigram.http.tls import TLSConfig, TLSConfigError

if TYPE_CHECKING:
    from lexigram.contracts.web.streaming import (
        HTTPLineDecodeError,
        Reconnect,
        Resumed,
        ServerSentEvent,
        events,
    )
    from lexigram.http.base_url import BaseURLHTTPClient, PathDownloadOptions
    from lexigram.http.decoders import json_as
    from lexigram.http.defaults import DefaultOptions, PathOptions
    from lexigram.http.downloads.checksums import Checksum
    from lexigram.http.downloads.download import Download, DownloadOptions, download
    from lexigram.http.downloads.errors import DownloadError, DownloadProblem
    from lexigram.http.downloads.resuming import Resume
    from lexigram.http.explaining import CallPlan, LimitSource, PlannedLimit
    from lexigram.http.health import ConnectionHealthCheck
    from lexigram.http.interceptors.chain import InterceptorChain
    from lexigram.http.interceptors.correlation import CorrelationId
    from lexigram.http.interceptors.credentials import BasicAuth, BearerAuth
    from lexigram.http.interceptors.default_headers import DefaultHeaders
    from lexigram.http.interceptors.idempotency import IdempotencyKey
    from lexigram.http.interceptors.netrc import NetrcAuth, NetrcError
    from lexigram.http.interceptors.once import SendOnce
    from lexigram.http.interceptors.signing import RequestSigning
    from lexigram.http.interceptors.token_refresh import (
        AccessToken,
        TokenRefresh,
        TokenRefreshError,
    )
    from lexigram.http.links import find_link
    from lexigram.http.module import HTTPModule
    from lexigram.http.pagination import Pages, PaginationError, paginate
    from lexigram.http.progress import Progress, ProgressCallback, with_progress
    from lexigram.http.progress_bar import ProgressBar
    from lexigram.http.provider import HTTPProvider
    from lexigram.http.relative import RelativeHTTPClient

__all__ = [
    "AccessToken",
    "AroundInterceptorProtocol",
    "AttemptRecord",
    "BaseURLHTTPClient",
    "BasicAuth",
    "BearerAuth",
    "CallPlan",
    "Checksum",
    "ConnectionHealthCheck",
    "ConnectionPool",
    "ConnectionPoolConfig",
    "CorrelationId",
    "DefaultHeaders",
    "DefaultOptions",
    "Destinations",
    "Download",
    "DownloadError",
    "DownloadOptions",
    "DownloadProblem",
    "EgressConfig",
    "HTTPBlockedError",
    "HTTPCircuitOpenError",
    "HTTPClient",
    "HTTPClientConfig",
    "HTTPClientError",
    "HTTPClientProtocol",
    "HTTPClientStateError",
    "HTTPConnectionError",
    "HTTPDecodeError",
    "HTTPInvalidRequestError",
    "HTTPLineDecodeError",
    "HTTPModule",
    "HTTPProvider",
    "HTTPRedirectError",
    "HTTPRejectedError",
    "HTTPResponseTooLargeError",
    "HTTPRetryExhaustedError",
    "HTTPStatusError",
    "HTTPTimeoutError",
    "HTTPTooManyRedirectsError",
    "HTTPUnknownOptionError",
    "HttpResponse",
    "IdempotencyKey",
    "InterceptorChain",
    "InterceptorChainProtocol",
    "InterceptorProtocol",
    "LimitSource",
    "NetrcAuth",
    "NetrcError",
    "Pages",
    "PaginationError",
    "PathDownloadOptions",
    "PathOptions",
    "PlannedLimit",
    "PoolStatistics",
    "Progress",
    "ProgressBar",
    "ProgressCallback",
    "Reconnect",
    "RelativeHTTPClient",
    "RequestContext",
    "RequestSigning",
    "ResponseContext",
    "Resume",
    "Resumed",
    "SendOnce",
    "ServerSentEvent",
    "SharedPoolError",
    "TLSConfig",
    "TLSConfigError",
    "TLSReason",
    "Timeouts",
    "TokenRefresh",
    "TokenRefreshError",
    "download",
    "events",
    "find_link",
    "format_timeline",
    "json_as",
    "paginate",
    "with_progress",
]

# Without it, a process that set up no logging would get warnings on stderr.
logging.getLogger(__name__).addHandler(logging.NullHandler())

# What few programs need is loaded when it is asked for: with all of it, importing the
# client takes a fifth longer.
_LOADED_LATER = {
    "lexigram.contracts.web.streaming": (
        "HTTPLineDecodeError",
        "Reconnect",
        "Resumed",
        "ServerSentEvent",
        "events",
    ),
    "lexigram.http.base_url": (
        "BaseURLHTTPClient",
        "PathDownloadOptions",
    ),
    "lexigram.http.decoders": ("json_as",),
    "lexigram.http.defaults": (
        "DefaultOptions",
        "PathOptions",
    ),
    "lexigram.http.downloads.checksums": ("Checksum",),
    "lexigram.http.downloads.download": (
        "Download",
        "DownloadOptions",
        "download",
    ),
    "lexigram.http.downloads.errors": (
        "DownloadError",
        "DownloadProblem",
    ),
    "lexigram.http.downloads.resuming": ("Resume",),
    "lexigram.http.explaining": (
        "CallPlan",
        "LimitSource",
        "PlannedLimit",
    ),
    "lexigram.http.health": ("ConnectionHealthCheck",),
    "lexigram.http.interceptors.chain": ("InterceptorChain",),
    "lexigram.http.interceptors.correlation": ("CorrelationId",),
    "lexigram.http.interceptors.credentials": (
        "BasicAuth",
        "BearerAuth",
    ),
    "lexigram.http.interceptors.default_headers": ("DefaultHeaders",),
    "lexigram.http.interceptors.idempotency": ("IdempotencyKey",),
    "lexigram.http.interceptors.netrc": (
        "NetrcAuth",
        "NetrcError",
    ),
    "lexigram.http.interceptors.once": ("SendOnce",),
    "lexigram.http.interceptors.signing": ("RequestSigning",),
    "lexigram.http.interceptors.token_refresh": (
        "AccessToken",
        "TokenRefresh",
        "TokenRefreshError",
    ),
    "lexigram.http.links": ("find_link",),
    "lexigram.http.module": ("HTTPModule",),
    "lexigram.http.pagination": (
        "Pages",
        "PaginationError",
        "paginate",
    ),
    "lexigram.http.progress": (
        "Progress",
        "ProgressCallback",
        "with_progress",
    ),
    "lexigram.http.progress_bar": ("ProgressBar",),
    "lexigram.http.provider": ("HTTPProvider",),
    "lexigram.http.relative": ("RelativeHTTPClient",),
}
_HOMES = {name: home for home, names in _LOADED_LATER.items() for name in names}

if not TYPE_CHECKING:  # to a checker every name would be valid with it

    def __getattr__(name: str) -> object:
        home = _HOMES.get(name)
        if home is None:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = globals()[name] = getattr(import_module(home), name)
        return value

    def __dir__() -> list[str]:
        return sorted({*globals(), *_HOMES})
