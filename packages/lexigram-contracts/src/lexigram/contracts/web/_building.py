"""What a call means, whoever makes it: the real client and every fake build here.

Pure functions from the arguments of a verb to the request, and from a response to the
result. Two clients that share them cannot disagree about a query, a body or a status.

`urllib.parse` is imported by the functions that use it: it is a tenth of what importing
the contracts may cost, and typing a service never needs it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, Literal

from lexigram.contracts.suggestions import did_you_mean
from lexigram.contracts.web import _json
from lexigram.contracts.web._contexts import RequestContext
from lexigram.contracts.web._errors import (
    HTTPCircuitOpenError,
    HTTPClientError,
    HTTPClientStateError,
    HTTPInvalidRequestError,
    HTTPRejectedError,
    HTTPRetryExhaustedError,
    HTTPStatusError,
    HTTPUnknownOptionError,
)
from lexigram.contracts.web._headers import Headers, HeaderSource, MutableHeaders
from lexigram.contracts.web._options import RequestOptions
from lexigram.contracts.web._response import HttpResponse
from lexigram.result import Err, Ok, Result

__all__ = [
    "build_failure",
    "build_request",
    "build_response",
    "build_result",
    "check_request",
    "check_url",
]

OPTIONS: Final = frozenset(RequestOptions.__annotations__)

# RFC 9110 §5.6.2 (token) and §5.5: a value holds no CR, LF or NUL. The other control
# characters are refused with them, as RFC 9112 §2.2 invites smuggling otherwise.
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_UNUSABLE_IN_URL = re.compile(r"[\x00-\x20\x7f]")
# What nearly every URL is like, and what can have no problem: parsing one takes longer.
_PLAIN_URL = re.compile(
    r"https?://[a-z0-9.-]+(?::[1-5]?[0-9]{1,4})?(?:[/?#][^\x00-\x20\x7f]*)?"
)
_COMMON_METHODS: Final = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"})

_MISTAKES: Final = (HTTPUnknownOptionError, HTTPClientStateError)
_DECISIONS: Final = (HTTPCircuitOpenError, HTTPRejectedError, HTTPRetryExhaustedError)

_BODILESS: Final = frozenset({204, 304})

FORM: Final = "application/x-www-form-urlencoded"


def build_request(
    method: str,
    url: str,
    options: Mapping[str, Any],
    *,
    headers: HeaderSource = (),
    timeout: float | None = None,
) -> RequestContext:
    """Build the request that a call with these arguments stands for.

    Args:
        method: Sent in upper case.
        url: Used as given; `params` are appended to its query, a fragment is dropped.
        options: As `RequestOptions` describes them.
        headers: Defaults; a field of the call replaces those of its name.
        timeout: The default, in seconds.

    Raises:
        HTTPUnknownOptionError: An option does not exist; names the nearest one.
        HTTPInvalidRequestError: A value cannot be sent; says which one and why.
    """
    try:
        if not options:  # as of most calls, which are spared the rest
            fields = MutableHeaders(headers)
            if fields:
                _check_framing(fields, None)
            return RequestContext(
                _method(method),
                _without_fragment(url),
                fields,
                {},
                None,
                _timeout(timeout),
            )
        _check_options(options)
        body, content_type = _body(options)
        fields = _headers(headers, options)
        if content_type and "content-type" not in fields:
            fields["Content-Type"] = content_type
        _check_framing(fields, body)
        given = options.get("params")
        params = _items("params", given) if given else []
        return RequestContext(
            _method(method),
            _with_params(_without_fragment(url), params),
            fields,
            dict(params),
            body,
            _timeout(options.get("timeout", timeout)),
        )
    except (HTTPInvalidRequestError, HTTPUnknownOptionError) as error:
        raise type(error)(
            str(error), method=str(method), url=str(url)
        ) from error.__cause__


def build_response(  # noqa: PLR0913 - a value with this many parts
    status: int,
    headers: HeaderSource,
    body: bytes,
    *,
    method: str = "GET",
    url: str = "",
    charset: str = "utf-8",
    elapsed: float = 0.0,
    attempts: int = 1,
    cut: bool = False,
) -> HttpResponse:
    """Build a response from what was received.

    What answers HEAD, and 204 and 304, has no content (RFC 9110 §6.4.1). The URL is kept
    without userinfo.

    Args:
        status: The status code.
        headers: Every field, repeated ones included, in order; `Headers.from_raw` takes
            them as the message has them.
        body: The content, any content coding removed.
        method: The method that was answered.
        url: The URL that answered.
        charset: What the text is decoded by when the Content-Type does not say.
        elapsed: Seconds that the call took.
        attempts: How many times the request was sent.
        cut: Whether the body is only the beginning of the content.
    """
    bodiless = method == "HEAD" or status in _BODILESS
    return HttpResponse(
        status,
        _without_userinfo(url),
        method,
        headers,
        b"" if bodiless else body,
        charset=charset,
        elapsed=elapsed,
        attempts=attempts,
        cut=cut,
    )


def build_result(response: HttpResponse) -> Result[HttpResponse, HTTPStatusError]:
    """Sort a response by its status: `Ok` below 400, else `Err`."""
    return Ok(response) if response.ok else Err(HTTPStatusError(response))


def build_failure(
    error: HTTPClientError, *, infrastructure: Literal["raise", "return"] = "raise"
) -> Err[HTTPClientError]:
    """Return a failure as `Err`, or raise it where a verb raises.

    A mistake in the program is always raised. What a policy decided (circuit open,
    rejected, retries exhausted) is raised unless `infrastructure` is "return".
    """
    if isinstance(error, _MISTAKES):
        raise error
    if infrastructure == "raise" and isinstance(error, _DECISIONS):
        raise error
    return Err(error)


def check_request(request: RequestContext) -> None:
    """Refuse a request that an interceptor made unusable.

    Raises:
        HTTPInvalidRequestError: Says what is wrong with its URL or its framing.
    """
    check_url(request.url)
    _check_framing(request.headers, request.body)


def check_url(url: str) -> None:
    """Refuse what is not an absolute http or https URL with a host.

    Raises:
        HTTPInvalidRequestError: Says what is wrong with it.
    """
    problem = _url_problem(url)
    if problem:
        raise HTTPInvalidRequestError(
            f"The URL {problem}. Give an absolute one, such as https://api.test/v1.",
            url=url,
        )


def _url_problem(url: str) -> str | None:
    if _PLAIN_URL.fullmatch(url):
        return None
    if _UNUSABLE_IN_URL.search(url):
        return "holds white space or a control character"
    from urllib.parse import urlsplit  # noqa: PLC0415 - see above

    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        return f"cannot be parsed ({error})"
    if parts.scheme.lower() not in {"http", "https"}:
        return f"has {f'the scheme {parts.scheme!r}' if parts.scheme else 'no scheme'}"
    return None if host else "has no host"


def _check_options(options: Mapping[str, Any]) -> None:
    for name in options:
        if name not in OPTIONS:
            raise HTTPUnknownOptionError(
                f"There is no option {name!r}. {did_you_mean(name, OPTIONS)}"
            )


def _method(method: str) -> str:
    if method in _COMMON_METHODS:
        return method
    if not _TOKEN.fullmatch(method):
        raise HTTPInvalidRequestError(
            f"{method!r} is not a method (RFC 9110 §9.1): use a token such as GET."
        )
    return method.upper()


def _timeout(seconds: Any) -> float | None:
    if seconds is None or (type(seconds) is float and seconds > 0):
        return seconds
    number = isinstance(seconds, (int, float)) and not isinstance(seconds, bool)
    if not number or seconds <= 0:
        raise HTTPInvalidRequestError(
            f"timeout={seconds!r} is not a positive number of seconds. "
            "Use None to wait for ever."
        )
    return float(seconds)


def _headers(defaults: HeaderSource, options: Mapping[str, Any]) -> MutableHeaders:
    given = options.get("headers")
    fields = (
        _merged(defaults, _items("headers", given))
        if given
        else MutableHeaders(defaults)
    )
    key = options.get("idempotency_key")
    if key is not None:
        _check_header("Idempotency-Key", key)
        fields["Idempotency-Key"] = key
    return fields


def _merged(defaults: HeaderSource, given: list[tuple[Any, Any]]) -> MutableHeaders:
    for name, value in given:
        _check_header(name, value)
    own = Headers(given)
    kept = [pair for pair in Headers(defaults).pairs if pair[0] not in own]
    return MutableHeaders([*kept, *given])


def _check_framing(headers: Headers, body: bytes | None) -> None:
    """Refuse fields that say another length than the body has (RFC 9112 §6).

    A server that believes them reads the rest of the body, or waits for it, as another
    request on the same connection.
    """
    if not headers:
        return
    if "transfer-encoding" in headers:
        raise HTTPInvalidRequestError(
            "The header 'Transfer-Encoding' is the client's to set. Leave it out."
        )
    size = str(len(body or b""))
    if any(length != size for length in headers.get_all("content-length")):
        raise HTTPInvalidRequestError(
            f"The header 'Content-Length' differs from the body, which has {size} "
            "bytes. Leave it out: the client sets it."
        )


def _check_header(name: Any, value: Any) -> None:
    if not isinstance(name, str) or not _TOKEN.fullmatch(name):
        raise HTTPInvalidRequestError(f"{name!r} is not a header name (RFC 9110 §5.1).")
    if not isinstance(value, str):
        raise HTTPInvalidRequestError(
            f"The header {name!r} has a value of type {type(value).__name__}; "
            "it takes a string."
        )
    if _CONTROL.search(value):
        # The value itself may be a credential, so it is not shown.
        raise HTTPInvalidRequestError(
            f"The value of header {name!r} holds a control character, "
            "such as a line break (RFC 9110 §5.5)."
        )


def _body(options: Mapping[str, Any]) -> tuple[bytes | None, str]:
    """Return the body and the Content-Type it implies."""
    if "json" in options:
        if options.get("data") is not None:
            raise HTTPInvalidRequestError("Give one of `json` and `data`, not both.")
        return _json_body(options["json"]), "application/json"
    data = options.get("data")
    if data is None:
        return None, ""
    if isinstance(data, bytes | bytearray | memoryview):
        return bytes(data), "application/octet-stream"
    if isinstance(data, str):
        return data.encode(), "text/plain; charset=utf-8"
    if isinstance(data, Mapping):
        return _form(data), FORM
    raise HTTPInvalidRequestError(
        f"data is of type {type(data).__name__}; it takes bytes, a string or a mapping."
    )


def _form(data: Mapping[Any, Any]) -> bytes:
    from urllib.parse import urlencode  # noqa: PLC0415 - see above

    return urlencode(_pairs("data", data.items())).encode()


def _json_body(value: Any) -> bytes:
    try:
        return _json.dump(value)
    except (TypeError, ValueError, RecursionError) as error:
        raise HTTPInvalidRequestError(f"json cannot be encoded: {error}.") from error


def _without_fragment(url: object) -> str:
    if not isinstance(url, str):
        raise HTTPInvalidRequestError(
            f"The URL is of type {type(url).__name__}; it takes a string."
        )
    return url.partition("#")[0]


def _with_params(url: str, params: list[tuple[Any, Any]]) -> str:
    pairs = _pairs("params", params) if params else ()
    if not pairs:
        return url
    from urllib.parse import quote, urlencode  # noqa: PLC0415 - see above

    query = urlencode(pairs, quote_via=quote)
    if "?" not in url:
        return f"{url}?{query}"
    return f"{url}{query}" if url.endswith(("?", "&")) else f"{url}&{query}"


def _items(option: str, source: Any) -> list[tuple[Any, Any]]:
    if isinstance(source, Headers):
        return list(source.pairs)
    if isinstance(source, Mapping):
        return list(source.items())
    try:
        return [(name, value) for name, value in source]
    except (TypeError, ValueError):
        raise HTTPInvalidRequestError(
            f"{option} is of type {type(source).__name__}; "
            "it takes a mapping or a sequence of pairs."
        ) from None


def _pairs(option: str, items: Iterable[tuple[Any, Any]]) -> list[tuple[str, str]]:
    pairs: list[tuple[str, str]] = []
    for name, value in items:
        if value is None:
            continue
        many = isinstance(value, Sequence) and not isinstance(value, str | bytes)
        pairs += [
            (str(name), _text(option, name, v)) for v in (value if many else [value])
        ]
    return pairs


def _text(option: str, name: Any, value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        return str(value)
    raise HTTPInvalidRequestError(
        f"{option}[{name!r}] is of type {type(value).__name__}; "
        "it takes a string, a number, a bool or a list of those."
    )


def _without_userinfo(url: str) -> str:
    if "@" not in url:
        return url
    from urllib.parse import urlsplit  # noqa: PLC0415 - see above

    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
