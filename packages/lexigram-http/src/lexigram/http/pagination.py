"""Listings that come in pages: `Link: rel="next"`, or what a function finds."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import dataclass, field, replace
from itertools import count
from typing import (
    Any,
    ClassVar,
    Final,
    Literal,
    TypeAlias,
    TypeVar,
    Unpack,
    cast,
)
from urllib.parse import urljoin, urlsplit

from lexigram.contracts.redaction import redact_url
from lexigram.contracts.web import (
    Headers,
    HTTPClientError,
    HTTPClientProtocol,
    HTTPInvalidRequestError,
    HttpResponse,
    RequestOptions,
    usable_url,
)
from lexigram.http.defaults import name_of, over, pairs_of
from lexigram.http.interceptors.origins import origin_of
from lexigram.http.joining import is_absolute
from lexigram.http.links import find_link

T = TypeVar("T")

MAX_PAGES: Final = 1000
"""Most pages of one listing, unless it is said otherwise."""

Send: TypeAlias = Callable[[str, RequestOptions], Awaitable[HttpResponse]]
"""Sends the request for the page at a URL."""

FindNext: TypeAlias = Callable[[HttpResponse], str | RequestOptions | None]
"""Finds the page after a response: its URL, the options that differ, or None."""

PaginationProblem: TypeAlias = Literal["limit", "loop", "link", "origin"]
"""Why a listing does not go on: it has more pages than allowed, it leads to a page that
was there before, its link is no usable URL, or leads to another origin."""

# What a request may tell another origin: nothing of who asks.
_FOR_ANY_ORIGIN: Final = frozenset({"accept", "accept-language", "user-agent"})
_FOR_ONE_ORIGIN: Final = ("auth", "tls", "json", "data")

# A body that is read while it is sent is gone after the first page; a key says that the
# pages are one request, and the server answers them all with the first.
_FOR_ONE_REQUEST: Final = ("content", "files", "idempotency_key")


class PaginationError(HTTPClientError):
    """A listing has another page, and it is not asked for.

    Attributes:
        reason: Why.
    """

    code: ClassVar[str] = "http.pagination"

    def __init__(
        self, message: str, *, reason: PaginationProblem, **facts: Any
    ) -> None:
        super().__init__(message, **facts)
        self.reason: PaginationProblem = reason


def paginate(
    client: HTTPClientProtocol,
    url: str,
    *,
    method: str = "GET",
    next_page: FindNext = find_link,
    max_pages: int | None = MAX_PAGES,
    allow_other_origins: bool = False,
    **options: Unpack[RequestOptions],
) -> Pages:
    """Return the pages of a listing, to iterate over; nothing is sent before.

    Args:
        client: Sends the requests, one after the other.
        url: The first page.
        method: How pages are asked for.
        next_page: Finds the next one; left out, the header `Link` with `rel="next"` does
            (RFC 8288). A URL may be relative to the page it is on, and has a query of its
            own, so that `params` are for the first page only. Options are joined with
            those before: `{"params": {"cursor": "c2"}}`. None ends the listing.
        max_pages: Most pages; None sets no limit. One more is an error, since a listing
            that is cut short looks like a whole one.
        allow_other_origins: Whether a URL may lead to another scheme, host or port; what
            follows is asked for without headers, credentials and body. It never leaves
            https for http.
        options: For each page, the timeout too.

    Raises:
        TypeError: An option that cannot be used for several requests: `content`, `files`
            or `idempotency_key`.
        ValueError: `max_pages` is not positive.

    Example:
        >>> async with HTTPClient() as client:
        ...     pages = paginate(client, "https://api.example.com/issues")
        ...     [issue.title async for issue in pages.items(json_as(list[Issue]))]
        ['It leaks', 'It is slow', 'It works']
    """

    def send(url: str, options: RequestOptions) -> Awaitable[HttpResponse]:
        return client.request(method, url, **options)

    first = first_page(send, url, options)
    return Pages(first, next_page, max_pages, allow_other_origins=allow_other_origins)


class Pages:
    """The pages of a listing, one request each; see `paginate`, which makes them.

    Iterating gives the responses. Each iteration begins at the first page, asks for a
    page when it is wanted, and can be left at any time.

    Raises:
        HTTPStatusError: A page has a status of 400 or more.
        PaginationError: There is another page, and it is not asked for.
        HTTPClientError: There is no response; the class says why.
    """

    def __init__(
        self,
        first: PageRequest,
        next_page: FindNext,
        max_pages: int | None,
        *,
        allow_other_origins: bool,
    ) -> None:
        _check_positive("max_pages", max_pages)
        self._first = first
        self._next_page = next_page
        self._max_pages = max_pages
        self._allow_other_origins = allow_other_origins

    async def __aiter__(self) -> AsyncIterator[HttpResponse]:
        request = self._first
        visited = _Visited()
        for number in count(1):
            visited.add(request.key)
            response = await request.send(request.url, request.options)
            response.raise_for_status()
            visited.answered(request, response)
            yield response
            found = self._next_page(response)
            if found is None:
                return
            if number == self._max_pages:
                raise _refused(
                    response,
                    f"There are more than {number} pages. `max_pages` allows more.",
                    "limit",
                )
            request = self._following(request, response, found, visited)

    def items(
        self, decoder: Callable[[bytes], Iterable[T]], *, max_items: int | None = None
    ) -> AsyncIterator[T]:
        """Iterate over what is on the pages.

        Args:
            decoder: Reads the items from the body of a page: `json_as(list[Issue])`.
            max_items: How many to end after; no page is asked for that is not needed.

        Raises:
            HTTPDecodeError: The decoder raised; its exception is the `__cause__`.
            ValueError: `max_items` is not positive.
        """
        _check_positive("max_items", max_items)
        return self._items(decoder, max_items)

    async def _items(
        self, decoder: Callable[[bytes], Iterable[T]], limit: int | None
    ) -> AsyncIterator[T]:
        given = 0
        async for page in self:
            for item in page.decode(lambda body: list(decoder(body))):
                yield item
                given += 1
                if given == limit:
                    return

    def _following(
        self,
        request: PageRequest,
        response: HttpResponse,
        found: str | RequestOptions,
        visited: _Visited,
    ) -> PageRequest:
        if isinstance(found, str):
            url = _resolved(response, request.url, found)
            abroad = is_absolute(url) and origin_of(url) != visited.home
            if abroad:
                self._check_abroad(response, url)
            elif request.abroad:
                # Who is not trusted with credentials does not say what to do with them.
                raise _refused(response, "It leads back from another origin.", "origin")
            following = request.at(url, abroad=abroad)
        else:
            following = request.with_options(found)
        if following.key in visited or following.plain_key in visited:
            raise _refused(
                response,
                f"It leads to {redact_url(following.url)} again, with the same options.",
                "loop",
            )
        return following

    def _check_abroad(self, response: HttpResponse, url: str) -> None:
        if not self._allow_other_origins:
            raise _refused(
                response,
                f"The next page is at another origin, {redact_url(url)}. "
                "`allow_other_origins=True` follows, without credentials.",
                "origin",
            )
        if response.url.startswith("https:") and not url.startswith("https:"):
            raise _refused(
                response, f"{redact_url(url)} leaves https for http.", "origin"
            )


@dataclass(frozen=True, slots=True)
class PageRequest:
    """What asks for one page."""

    send: Send
    url: str = field(repr=False)  # with its query
    options: RequestOptions = field(repr=False)  # credentials among them
    linked: bool = False
    """Whether it differs from the one before in nothing but its URL."""
    abroad: bool = False
    """Whether it goes to another origin than the first one."""

    @property
    def key(self) -> tuple[str, str]:
        """What two requests for the same page have in common."""
        options = self.options
        varying = [options.get(name) for name in ("params", "json", "data")]
        return _place(self.url), repr(
            [*varying, Headers(options.get("headers", ())).pairs]
        )

    @property
    def plain_key(self) -> tuple[str, str] | None:
        """The URL alone, where it says all that makes the page another one."""
        bodiless = not any(self.options.get(name) for name in ("json", "data"))
        return (_place(self.url), "") if bodiless and self.linked else None

    def at(self, url: str, *, abroad: bool) -> PageRequest:
        """Return the request for a page that was linked to."""
        options: dict[str, Any] = {**self.options}
        options.pop("params", None)
        if abroad:
            options = _harmless(options)
        elif is_absolute(url):
            url = _with_userinfo_of(self.url, url)
        kept = cast("RequestOptions", options)
        return PageRequest(self.send, url, kept, linked=True, abroad=abroad)

    def with_options(self, changes: RequestOptions) -> PageRequest:
        """Return the request for a page that differs in options."""
        options = over({"params": (), **self.options}, changes)
        replaced = {name for name, _ in pairs_of(changes.get("params", ()))}
        url = _without_params(self.url, replaced)
        return replace(self, url=url, options=options, linked=False)


def first_page(send: Send, url: str, options: RequestOptions) -> PageRequest:
    """Return the request for the first page.

    Raises:
        TypeError: An option is for one request only.
    """
    for name in _FOR_ONE_REQUEST:
        if name in options:
            raise TypeError(
                f"`{name}` is for one request, and each page is one. Leave it out; a "
                "body that is the same for each page goes into `json` or `data`."
            )
    # Headers become readable more than once, whatever they are given as.
    kept = over({"params": ()} if "params" in options else {}, options)
    return PageRequest(send, url, kept)


class _Visited:
    """The pages that were there, and the origin that the credentials are for."""

    def __init__(self) -> None:
        self._keys: set[tuple[str, str]] = set()
        self.home: str | None = None

    def add(self, key: tuple[str, str]) -> None:
        self._keys.add(key)

    def answered(self, request: PageRequest, response: HttpResponse) -> None:
        # The whole URL, as a link to the same page has it; a redirect of the first page
        # does not decide where credentials go.
        asked = response.history[0].url if response.history else response.url
        asked = asked or request.url
        self._keys.update({(_place(asked), ""), (_place(response.url), "")})
        if self.home is None and is_absolute(asked):
            self.home = origin_of(asked)

    def __contains__(self, key: tuple[str, str] | None) -> bool:
        return key in self._keys


def _resolved(response: HttpResponse, asked: str, link: str) -> str:
    try:
        url = urljoin(response.url or asked, link)
        if not is_absolute(url) and not url.startswith("//"):
            return url  # of a fake whose responses have no URL
        usable = usable_url(url)
    except ValueError as error:
        why = error.args[0] if isinstance(error, HTTPInvalidRequestError) else error
        raise _refused(response, f"Its link is unusable. {why}", "link") from None
    if "@" in urlsplit(usable).netloc:
        # RFC 9110 §4.2.4: they may be there to deceive, and would be sent.
        raise _refused(response, "Its link holds credentials.", "link")
    return usable


def _place(url: str) -> str:
    """Return what is the same of two URLs for the same page."""
    if not is_absolute(url):
        return url
    parts = urlsplit(url)
    return f"{origin_of(url)}{parts.path}?{parts.query}"


def _with_userinfo_of(asked: str, url: str) -> str:
    """Return `url` with the credentials of the URL asked for, which no answer repeats."""
    userinfo, at, _ = urlsplit(asked).netloc.rpartition("@")
    return url.replace("://", f"://{userinfo}{at}", 1)


def _without_params(url: str, names: set[str]) -> str:
    """Return `url` without the parameters that are given anew."""
    address, mark, query = url.partition("?")
    parts = [part for part in query.split("&") if name_of(part) not in names]
    return f"{address}{mark}{'&'.join(parts)}"


def _harmless(options: dict[str, Any]) -> dict[str, Any]:
    kept = {name: v for name, v in options.items() if name not in _FOR_ONE_ORIGIN}
    if "headers" in kept:
        kept["headers"] = [
            (name, value)
            for name, value in Headers(kept["headers"]).pairs
            if name.lower() in _FOR_ANY_ORIGIN
        ]
    return kept


def _refused(
    response: HttpResponse, why: str, reason: PaginationProblem
) -> PaginationError:
    return PaginationError(
        f"The listing has another page, which is not asked for. {why}",
        reason=reason,
        method=response.method,
        url=response.url,
        attempts=response.attempts,
        request_sent="yes",
    )


def _check_positive(name: str, number: int | None) -> None:
    if number is not None and number < 1:
        raise ValueError(f"{name}={number!r} is not positive. None sets no limit.")
