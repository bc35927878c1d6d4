"""Tokens that expire: one refresh for everybody, one replay for each call.

The token in use is `_held`. A call takes it, or joins the refresh under way when there is
none. A 401 takes the token out of use, unless another call has replaced it already, so
that calls that begin meanwhile wait for the new one instead of collecting 401s. The
answers to calls that were under way together come one by one: whoever finds that a
refresh has failed since it began takes that for its answer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from math import inf
from typing import ClassVar, TypeAlias

from lexigram.contracts.clock import ClockProtocol, SystemClock
from lexigram.contracts.web import (
    AroundInterceptorProtocol,
    HTTPClientError,
    Proceed,
    RequestContext,
    RequestSent,
    ResponseContext,
)
from lexigram.http.interceptors.credentials import bearer
from lexigram.http.interceptors.origins import OriginBound
from lexigram.http.interceptors.single_flight import FlightCancelledError, SingleFlight
from lexigram.result import Err, Ok, Result

_UNAUTHORIZED = 401  # RFC 9110 §15.5.2

# In the state of a call, with the origin: its one replay is used up.
_REPLAYED = "lexigram.http.replayed "

# Whose refresh the current task is: its own requests can have no token.
_refreshing: ContextVar[tuple[TokenRefresh, ...]] = ContextVar(
    "lexigram.http.refreshing", default=()
)


@dataclass(frozen=True, slots=True)
class AccessToken:
    """A token, and how long it is good for.

    Attributes:
        value: What is sent; not shown.
        expires_in: Seconds from now, as OAuth 2 says it (RFC 6749 §5.1). None: unknown.
    """

    value: str = field(repr=False)
    expires_in: float | None = None

    def __post_init__(self) -> None:
        bearer(self.value)
        if self.expires_in is not None and not self.expires_in > 0:
            raise ValueError(
                f"expires_in={self.expires_in!r} is not a positive number of seconds. "
                "Use None when it is not known."
            )


class TokenRefreshError(HTTPClientError):
    """A call has no token, because the refresh failed; the `__cause__` says how.

    The call is not repeated. `request_sent` is "yes" when it was answered by 401 before.
    """

    code: ClassVar[str] = "http.token_refresh"


@dataclass(frozen=True, slots=True)
class _Held:
    """A token in use, with moments of the clock."""

    value: str
    due: float
    """When it is to be replaced."""
    expires: float


_Outcome: TypeAlias = Result[_Held, Exception]


class TokenRefresh(OriginBound, AroundInterceptorProtocol):
    """Sends a bearer token to one origin, and gets a new one when it is needed.

    A token is fetched before the first request, again before it expires, and when the
    server answers 401; that request is then sent once more, once for each call, unless
    its body can be read once only. Calls
    that need a token at the same time share one refresh. One that is cancelled, or out
    of time, leaves it to the others, and to the next call when there are none: half a
    refresh could cost the right to another. A request that has an `Authorization` keeps
    it, and gets its 401.

    A replay is an attempt of the call, and counts as one. `retry=False` does not prevent
    it: the server has refused the request, not begun it. `refresh` may use the client
    that this belongs to; what it sends there goes without a token, and takes its turn in
    that client's policies.

    Args:
        refresh: Fetches a token. It is not called again for a call that saw it fail.
        origin: The origin that the token is for, or any URL there.
        margin: Seconds before its expiry that a token is replaced; half its life if that
            is less. When the refresh fails then, the token is used as long as it is good.
        timeout: Seconds that a refresh may take.
        clock: Tells when a token expires.

    Raises:
        HTTPInvalidRequestError: `origin` is no URL.

    Example:
        >>> async def fetch() -> AccessToken:
        ...     answer = await login.request("POST", "https://api.example.com/token")
        ...     grant = answer.raise_for_status().json
        ...     return AccessToken(grant["access_token"], grant["expires_in"])
        >>> auth = TokenRefresh(fetch, origin="https://api.example.com")
        >>> async with HTTPClient() as login, HTTPClient(interceptors=[auth]) as client:
        ...     result = await client.get("https://api.example.com/account")
        >>> result.unwrap().status
        200
    """

    def __init__(
        self,
        refresh: Callable[[], Awaitable[AccessToken]],
        *,
        origin: str,
        margin: float = 30.0,
        timeout: float = 30.0,
        clock: ClockProtocol | None = None,
    ) -> None:
        super().__init__(origin)
        self._refresh = refresh
        self._margin = margin
        self._timeout = timeout
        self._clock = clock or SystemClock()
        self._held: _Held | None = None
        self._outcome: _Outcome | None = None
        self._flight = SingleFlight(self._fetch)

    async def around(
        self, request: RequestContext, proceed: Proceed, /
    ) -> ResponseContext:
        """Send the request with a token, and once more with a new one after 401.

        Raises:
            TokenRefreshError: There is no token.
        """
        if not self._is_ours(request):
            return await proceed(request)
        before = self._outcome
        used = await self._token(request, "no")
        response = await proceed(_with(request, used))
        if response.status != _UNAUTHORIZED or not self._may_replay(request):
            return response
        fresh = await self._replacement(used, before, request)
        return await proceed(_with(request, fresh))

    def _is_ours(self, request: RequestContext) -> bool:
        return (
            self.concerns(request)
            and "authorization" not in request.headers
            and self not in _refreshing.get()
        )

    def _may_replay(self, request: RequestContext) -> bool:
        """Say whether the call has its replay left, and take it."""
        if request.body_stream is not None and not request.body_stream.replayable:
            return False
        key = _REPLAYED + self.origin
        left = key not in request.state
        request.state[key] = True
        return left

    async def _token(self, request: RequestContext, sent: RequestSent) -> _Held:
        held = self._held
        if held is not None and self._clock.monotonic() < held.due:
            return held
        match await self._joined():
            case Ok(fresh):
                return fresh
            case Err(error):
                if held is not None and self._is_good(held):
                    return held
                raise _failed(self.origin, request, sent, error) from error

    async def _replacement(
        self, used: _Held, before: _Outcome | None, request: RequestContext
    ) -> _Held:
        """Return the token to use instead of one that the server refused."""
        if self._held is used:
            self._held = None
        last = self._outcome
        if self._held is None and last is not before and isinstance(last, Err):
            raise _failed(self.origin, request, "yes", last.error) from last.error
        return await self._token(request, "yes")

    def _is_good(self, held: _Held) -> bool:
        """Say whether a token that is due may be used until it can be replaced."""
        return self._held is held and self._clock.monotonic() < held.expires

    async def _joined(self) -> _Outcome:
        try:
            return await self._flight.join()
        except FlightCancelledError as error:
            return Err(error)

    async def _fetch(self) -> _Outcome:
        _refreshing.set((*_refreshing.get(), self))  # of this task alone
        since = self._clock.monotonic()
        limit = asyncio.timeout(self._timeout)
        try:
            async with limit:
                token = await self._refresh()
            self._held = self._hold(token, since)
            self._outcome = Ok(self._held)
        except Exception as error:  # noqa: BLE001 - each call reports it as its own
            if limit.expired():
                error.add_note(f"It took longer than its timeout of {self._timeout} s.")
            self._outcome = Err(error)
        return self._outcome

    def _hold(self, token: AccessToken, since: float) -> _Held:
        if token.expires_in is None:
            return _Held(token.value, inf, inf)
        margin = min(self._margin, token.expires_in / 2)
        expires = since + token.expires_in
        return _Held(token.value, expires - margin, expires)


def _with(request: RequestContext, token: _Held) -> RequestContext:
    headers = request.headers.copy()
    headers["Authorization"] = bearer(token.value)
    return replace(request, headers=headers)


def _failed(
    origin: str, request: RequestContext, sent: RequestSent, error: Exception
) -> TokenRefreshError:
    return TokenRefreshError(
        f"There is no token for {origin}: its refresh failed with "
        f"{type(error).__name__}, which is the cause of this error.",
        method=request.method,
        url=request.url,
        request_sent=sent,
        retryable=isinstance(error, HTTPClientError) and error.retryable,
    )
