"""What a call means, whoever makes it: the real client and every fake build here.

Pure functions from the arguments of a verb to the request, and from a response to the
result. Two clients that share them cannot disagree about a query, a body or a status.

`urllib.parse` is imported by the functions that use it: it is a tenth of what importing
the contracts may cost, and typing a service never needs it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, Literal

from lexigram.contracts.suggestions import did_you_mean
from lexigram.contracts.web import _json
from lexigram.contracts.web._call_options import (
    authorize,
    check_call_options,
    without_authorization,
)
from lexigram.contracts.web._content import BodyStream, content_of
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
from lexigram.contracts.web._multipart import FilePart, Part, build_form, part_of
from lexigram.contracts.web._options import RequestOptions
from lexigram.contracts.web._response import HttpResponse
from lexigram.contracts.web._timeouts import Timeouts
from lexigram.contracts.web._urls import usable_url
from lexigram.result import Err, Ok, Result

__all__ = [
    "build_failure",
    "build_request",
    "build_response",
    "build_result",
    "check_request",
]

OPTIONS: Final = frozenset(RequestOptions.__annotations__)

# RFC 9110 §5.6.2 (token) and §5.5: a value holds no CR, LF or NUL. The other control
# characters are refused with them, as RFC 9112 §2.2 invites smuggling otherwise.
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_LENGTH = re.compile(r"[0-9]{1,18}")
_COMMON_METHODS: Final = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"})

_MISTAKES: Final = (HTTPUnknownOptionError, HTTPClientStateError)
_DECISIONS: Final = (HTTPCircuitOpenError, HTTPRejectedError, HTTPRetryExhaustedError)

_BODILESS: Final = frozenset({204, 304})

_FRAMING: Final = frozenset(map(len, ("Content-Length", "Transfer-Encoding")))

# More than common servers take of all fields together, which is 8 to 64 KiB.
_MOST_IN_FIELDS: Final = 64 * 1024
_HOST: Final = "host"

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
        url: Written as `usable_url` does; `params` are appended to its query.
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
            _check_framing(fields, None, None)
            return RequestContext(
                _method(method),
                _target(url),
                fields,
                {},
                None,
                _timeout(timeout),
            )
        _check_options(options)
        check_call_options(options)
        body, content_type = _body(options)
        target = _target(url)
        fields = _headers(headers, options, target)
        _label(fields, content_type)
        stream = None
        if isinstance(body, BodyStream):
            body, stream = None, body
        _check_framing(fields, body, stream)
        given = options.get("params")
        params = _items("params", given) if given else []
        return RequestContext(
            _method(method),
            _with_params(target, params),
            fields,
            dict(params),
            body,
            _total(options.get("timeout", timeout), timeout),
            route=options.get("route", ""),
            own_auth="auth" in options,
            body_stream=stream,
        )
    except (HTTPInvalidRequestError, HTTPUnknownOptionError) as error:
        raise type(error)(
            str(error), method=str(method), url=str(url)
        ) from error.__cause__
    except UnicodeEncodeError as error:
        raise HTTPInvalidRequestError(
            "A text of the request holds half of a surrogate pair, which UTF-8 cannot "
            "write. Decode what it comes from without `surrogateescape`.",
            method=str(method),
            url=str(url),
        ) from error


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
    loads: Callable[[bytes], Any] | None = None,
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
        loads: As for `HttpResponse`.
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
        loads=loads,
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


def check_request(request: RequestContext, *, usable: str = "") -> None:
    """Write a request as it is sent; refuse what an interceptor made unusable.

    Args:
        request: What an interceptor returned.
        usable: A URL that needs no other look, as that of the request before.

    Raises:
        HTTPInvalidRequestError: Says what is wrong with its method, its URL, its header
            fields, its body or its framing.
    """
    request.method = _method(request.method)
    if request.url != usable:
        request.url = usable_url(request.url)
    frames = _check_fields(request.headers, values=True)
    if request.body is not None and request.body_stream is not None:
        raise HTTPInvalidRequestError(
            "The request has both a `body` and a `body_stream`. An interceptor that sets "
            "one of them sets the other to None."
        )
    if frames:
        _check_framing(request.headers, request.body, request.body_stream)


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
    if method.upper() == "CONNECT":
        raise HTTPInvalidRequestError(
            "CONNECT opens a tunnel through a proxy (RFC 9110 §9.3.6), which the client "
            "does by itself. Name the proxy with `proxy`, and send GET."
        )
    return method.upper()


def _total(given: Any, configured: float | None) -> float | None:
    if isinstance(given, Timeouts):
        return configured if given.total is ... else given.total
    return _timeout(given)


def _timeout(seconds: Any) -> float | None:
    if seconds is None or (type(seconds) is float and seconds > 0):
        return seconds
    number = isinstance(seconds, (int, float)) and not isinstance(seconds, bool)
    if not number or seconds <= 0:
        raise HTTPInvalidRequestError(
            f"timeout={seconds!r} is not a positive number of seconds. "
            "Use None to wait for ever, or Timeouts to limit the parts of a call."
        )
    return float(seconds)


def _headers(
    defaults: HeaderSource, options: Mapping[str, Any], url: str
) -> MutableHeaders:
    if "auth" in options:
        defaults = without_authorization(defaults)
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
    if "auth" in options:
        authorize(options["auth"], url, fields)
    return fields


def _label(fields: MutableHeaders, content_type: str) -> None:
    """Say what the body is, where the caller does not."""
    if not content_type:
        return
    if "content-type" not in fields:
        fields["Content-Type"] = content_type
    elif content_type.startswith("multipart/"):
        raise HTTPInvalidRequestError(
            "The Content-Type of a form with files names a boundary that is chosen with "
            "its content. Leave the header out: the client sets it."
        )


def _merged(defaults: HeaderSource, given: list[tuple[Any, Any]]) -> MutableHeaders:
    for name, value in given:
        _check_header(name, value)
    own = Headers(given)
    kept = [pair for pair in Headers(defaults).pairs if pair[0] not in own]
    merged = MutableHeaders([*kept, *given])
    _check_fields(merged)
    return merged


def _check_fields(headers: Headers, *, values: bool = False) -> bool:
    """Refuse what no server takes, or two of them in a row take for different things.

    Args:
        headers: All fields of a request.
        values: Whether each of them is still to be looked at by itself.

    Returns:
        Whether there may be one of those that `_check_framing` looks at.
    """
    size = hosts = 0
    frames = False
    for name, value in headers.pairs:
        if values and (
            type(name) is not str
            or type(value) is not str
            or not _TOKEN.fullmatch(name)
            or _CONTROL.search(value)
        ):
            _check_header(name, value)
        size += len(name) + len(value)
        frames = frames or len(name) in _FRAMING
        if len(name) == len(_HOST) and name.lower() == _HOST:
            hosts += 1
    if size > _MOST_IN_FIELDS:
        raise HTTPInvalidRequestError(
            f"The header fields are {size} characters long together, and servers take 8 to "
            "64 KiB. Send what is that long in the body."
        )
    if hosts > 1:  # RFC 9112 §3.2
        raise HTTPInvalidRequestError(
            f"The header 'Host' is there {hosts} times, and a request has one. Leave it "
            "out: the client sets it."
        )
    return frames


def _check_framing(
    headers: Headers, body: bytes | None, stream: BodyStream | None
) -> None:
    """Refuse fields that say another length than the body has (RFC 9112 §6).

    A server that believes them reads the rest of the body, or waits for it, as another
    request on the same connection.
    """
    # By their lengths first: an index of the names is dearer than most requests need, and
    # a generator for `any` as dear as all the rest.
    for name, _ in headers.pairs:
        if len(name) in _FRAMING:
            break
    else:
        return
    if "transfer-encoding" in headers:
        raise HTTPInvalidRequestError(
            "The header 'Transfer-Encoding' is the client's to set. Leave it out."
        )
    lengths = headers.get_all("content-length")
    if not lengths:
        return
    if len(lengths) > 1:
        raise HTTPInvalidRequestError(
            f"The header 'Content-Length' is there {len(lengths)} times. Leave it out: the "
            "client sets it."
        )
    size = str(len(body or b""))
    if stream is not None and stream.length is None:
        # Only the caller can know it, and is taken at their word while it is sent.
        size = lengths[0] if _LENGTH.fullmatch(lengths[0]) else "an unknown number of"
    elif stream is not None:
        size = str(stream.length)
    if lengths[0] != size:
        raise HTTPInvalidRequestError(
            f"The header 'Content-Length' differs from the body, which has {size} "
            "bytes. Leave it out: the client sets it."
        )


def _without_value(name: Any) -> str:
    """Show what is no name up to where it goes wrong: a value may stand behind that."""
    begin = _TOKEN.match(name) if isinstance(name, str) else None
    return f"{begin[0] + name[begin.end()] + '…'!r}" if begin else repr(name)[:20]


def _check_header(name: Any, value: Any) -> None:
    if not isinstance(name, str) or not _TOKEN.fullmatch(name):
        raise HTTPInvalidRequestError(
            f"{_without_value(name)} is not a header name (RFC 9110 §5.1)."
        )
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


def _body(options: Mapping[str, Any]) -> tuple[bytes | BodyStream | None, str]:
    """Return the body and the Content-Type it implies."""
    if "content" in options or "files" in options:
        body, content_type = _streamable(options)
        if body is not None:
            return body, content_type
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


def _streamable(options: Mapping[str, Any]) -> tuple[bytes | BodyStream | None, str]:
    """Return the body that may be read while it is sent."""
    content, files = options.get("content"), options.get("files")
    if content is not None:
        _exclude("content", options, "json", "data", "files")
        return content_of(content, "content"), "application/octet-stream"
    if files is not None:
        _exclude("files", options, "json")
        return _multipart(files, options.get("data"))
    return None, ""


def _exclude(option: str, options: Mapping[str, Any], *others: str) -> None:
    for other in others:
        # `json=None` is a body, and the others are none when they are None.
        if options.get(other) is not None or (other == "json" and other in options):
            raise HTTPInvalidRequestError(
                f"Give one of `{option}` and `{other}`, not both."
            )


def _multipart(files: Any, data: Any) -> tuple[bytes | BodyStream, str]:
    if data is not None and not isinstance(data, Mapping):
        raise HTTPInvalidRequestError(
            f"data is of type {type(data).__name__}; beside `files` it takes a mapping, "
            "the other fields of the form."
        )
    fields = [
        Part(name, value.encode(errors="replace"))
        for name, value in _pairs("data", (data or {}).items())
    ]
    return build_form([*fields, *(_file(*pair) for pair in _items("files", files))])


def _file(name: Any, given: Any) -> Part:
    if not isinstance(name, str):
        raise HTTPInvalidRequestError(
            f"files has the name {name!r} of type {type(name).__name__}; "
            "it takes strings."
        )
    headers: list[tuple[Any, Any]] = []
    if isinstance(given, FilePart):
        headers = _items(f"The headers of files[{name!r}]", given.headers)
        for field, value in (*headers, ("Content-Type", given.content_type or "")):
            _check_header(field, value)
    return part_of(name, given, headers)


def _form(data: Mapping[Any, Any]) -> bytes:
    from urllib.parse import urlencode  # noqa: PLC0415 - see above

    return urlencode(_pairs("data", data.items())).encode()


def _json_body(value: Any) -> bytes:
    try:
        return _json.dump(value)
    except (TypeError, ValueError, RecursionError) as error:
        raise HTTPInvalidRequestError(f"json cannot be encoded: {error}.") from error


def _target(url: object) -> str:
    if not isinstance(url, str):
        raise HTTPInvalidRequestError(
            f"The URL is of type {type(url).__name__}; it takes a string."
        )
    return usable_url(url)


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
