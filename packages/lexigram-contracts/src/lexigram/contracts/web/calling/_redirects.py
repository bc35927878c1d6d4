"""Following redirects (RFC 9110 §15.4) without leaking what was meant for another host."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from urllib.parse import quote, urljoin, urlsplit

from lexigram.contracts.redaction import redact_url
from lexigram.contracts.web import (
    HTTPInvalidRequestError,
    HTTPRedirectError,
    HttpResponse,
    HTTPTooManyRedirectsError,
    MutableHeaders,
    RequestContext,
    usable_url,
)

__all__ = ["follow_redirects", "next_request"]

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_REWRITTEN_TO_GET = frozenset({301, 302})
_SEE_OTHER = 303

# Credentials travel under names that users choose, so what may go to another origin is
# listed, not what may not.
_FOR_ANY_ORIGIN = frozenset(
    {
        "accept",
        "accept-charset",
        "accept-encoding",
        "accept-language",
        "cache-control",
        "content-encoding",
        "content-language",
        "content-type",
        "if-match",
        "if-modified-since",
        "if-none-match",
        "if-range",
        "if-unmodified-since",
        "pragma",
        "range",
        "traceparent",
        "user-agent",
    }
)

_PORTS = {"http": 80, "https": 443}

# Characters that stand for themselves in a reference (RFC 3986 §2.2), and "%".
_REFERENCE = ":/?#[]@!$&'()*+,;=%~"


async def follow_redirects(
    request: RequestContext,
    response: HttpResponse,
    send: Callable[[RequestContext], Awaitable[HttpResponse]],
    *,
    limit: int,
) -> HttpResponse:
    """Return the answer at the end of the redirects, which may be `response` itself.

    Args:
        request: What was sent.
        response: What it was answered with.
        send: Sends one request more.
        limit: Most redirects.

    Raises:
        HTTPTooManyRedirectsError: There is one more.
        HTTPRedirectError: As `next_request`.
    """
    history: list[HttpResponse] = []
    target = next_request(request, response)
    while target is not None:
        if len(history) == limit:
            raise _too_many(target, [*history, response], limit)
        history.append(response)
        response = await send(target)
        target = next_request(target, response)
    if history:
        response.history = tuple(history)
    return response


def _too_many(
    target: RequestContext, history: list[HttpResponse], limit: int
) -> HTTPTooManyRedirectsError:
    visited = [redact_url(response.url) for response in history]
    goal = redact_url(target.url)
    if goal in visited:
        # A circle is seldom what anybody allows more redirects for.
        circle = [*visited[visited.index(goal) :], goal]
        what = f"They go in a circle: {' → '.join(circle)}."
    else:
        what = (
            f"The next one leads to {goal}. `max_redirects` of the configuration "
            "allows more."
        )
    return HTTPTooManyRedirectsError(
        f"Gave up after {limit} redirects. {what}",
        limit=limit,
        history=tuple(history),
        method=history[0].method,
        url=history[0].url,
        request_sent="yes",
    )


def next_request(
    request: RequestContext, response: HttpResponse
) -> RequestContext | None:
    """Return the request that `response` redirects to, or None when it does not.

    303 becomes GET, and so does POST after 301 and 302; the body is left behind then.
    Otherwise it is sent again, which a body that is read while it is sent may not allow.
    To another origin (scheme, host or port) only headers that are harmless by name go.

    Raises:
        HTTPRedirectError: The target is not an http(s) URL, or leaves https for http, or
            the body would have to be sent again and cannot be.
    """
    if response.status not in _REDIRECTS:
        return None
    location = response.headers.get("location")
    if location is None:
        return None
    url = _target(request, location)
    rewritten = _becomes_get(request.method, response.status)
    stream = None if rewritten else request.body_stream
    if stream is not None and not stream.replayable:
        raise _refused(
            request,
            "The body was sent already and cannot be read again; bytes, a path or a "
            "function that returns a new iterator can be.",
        )
    return replace(
        request,
        method="GET" if rewritten else request.method,
        url=url,
        body=None if rewritten else request.body,
        body_stream=stream,
        headers=_headers(
            request,
            same_origin=_origin(url) == _origin(request.url),
            bodiless=rewritten,
        ),
    )


def _becomes_get(method: str, status: int) -> bool:
    if status == _SEE_OTHER:
        return method not in {"GET", "HEAD"}
    return status in _REWRITTEN_TO_GET and method == "POST"


def _target(request: RequestContext, location: str) -> str:
    try:
        reference = quote(location, safe=_REFERENCE)
        if "@" in urlsplit(reference).netloc:
            # RFC 9110 §4.2.4: they may be there to deceive, and would be sent.
            raise _refused(request, "Its target holds credentials.")
        url = usable_url(urljoin(request.url, reference))
    except HTTPInvalidRequestError as error:
        raise _refused(request, error.args[0]) from None
    except ValueError:  # which quotes it
        raise _refused(request, "Its target cannot be parsed.") from None
    if _scheme(request.url) == "https" and _scheme(url) == "http":
        raise _refused(request, "It leaves https for http.")
    return url


def _refused(request: RequestContext, why: str) -> HTTPRedirectError:
    return HTTPRedirectError(
        f"The redirect is not followed. {why} "
        "`follow_redirects=False` returns the response instead.",
        method=request.method,
        url=request.url,
        request_sent="yes",
    )


def _headers(
    request: RequestContext, *, same_origin: bool, bodiless: bool
) -> MutableHeaders:
    return MutableHeaders(
        [
            (name, value)
            for name, value in request.headers.pairs
            if (same_origin or name.lower() in _FOR_ANY_ORIGIN)
            and not (bodiless and name.lower().startswith("content-"))
        ]
    )


def _scheme(url: str) -> str:
    return urlsplit(url).scheme.lower()


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    scheme = parts.scheme.lower()
    return scheme, parts.hostname, parts.port or _PORTS.get(scheme)
