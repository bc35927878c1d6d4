"""The options of one call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias, TypedDict

from lexigram.contracts.web._content import ContentSource
from lexigram.contracts.web._headers import HeaderSource
from lexigram.contracts.web._interceptors import InterceptorProtocol
from lexigram.contracts.web._multipart import FilePart
from lexigram.contracts.web._timeouts import Timeouts

__all__ = ["ParamValue", "RequestOptions"]

Scalar: TypeAlias = str | int | float | bool
ParamValue: TypeAlias = Scalar | Sequence[Scalar] | None


class RequestOptions(TypedDict, total=False):
    """What every verb takes by keyword.

    A typed dictionary, so that a misspelt option is a type error; at run time it is
    an `HTTPUnknownOptionError` that names the nearest option.
    """

    params: Mapping[str, ParamValue] | Sequence[tuple[str, Scalar]]
    """Appended to the query of the URL; a sequence repeats its name, None is left out."""

    headers: HeaderSource
    """Sent as they are; they win over defaults of the same name."""

    json: Any
    """The body, as JSON. Excludes `data`, `content` and `files`."""

    data: bytes | str | Mapping[str, ParamValue]
    """The body: bytes and text as they are, a mapping as a urlencoded form; with `files`
    a mapping, the other fields of that form."""

    content: ContentSource
    """The body, read while it is sent: a path, a file open in binary mode, from its
    position on and left open, an asynchronous iterable of bytes, or a function that
    returns a new one for each attempt. An iterable, and a file that cannot be sought, is
    sent once: no retry, no redirect that keeps the body. Bytes are sent as they are.
    Excludes the other bodies."""

    files: (
        Mapping[str, ContentSource | FilePart]
        | Sequence[tuple[str, ContentSource | FilePart]]
    )
    """Files of a form, sent as multipart/form-data (RFC 7578); each is what `content`
    takes, or a `FilePart` that says its name and type. Of `data`, the other fields."""

    timeout: float | Timeouts | None
    """Seconds for the whole call: the wait for a connection, every attempt, every
    back-off and the body. None waits for ever. Left out: the client's `pool.timeout`.
    `Timeouts` limits the parts of a call as well."""

    follow_redirects: bool
    """Whether 301, 302, 303, 307 and 308 are followed. Left out: as configured."""

    max_response_bytes: int | None
    """The largest body to accept, as received and as decoded; None accepts any. Left out:
    as configured. Of an error or a redirect the beginning is kept instead."""

    idempotency_key: str
    """Sent as `Idempotency-Key`, the same on every attempt; makes any method
    repeatable."""

    retry: bool
    """False sends the request at most once. Left out: by method and policy."""

    repeats: bool
    """True says that an earlier call was for the same, as when a stream that was lost is
    opened anew. Policies take it for a second attempt: out of the budget for those, which
    may refuse it with `HTTPRejectedError`. Sources of events and downloads say it."""

    auth: tuple[str, str] | InterceptorProtocol | None
    """Who calls, in the place of the credentials that the client's interceptors add: user
    and password for Basic authentication (RFC 7617), an interceptor for this call alone,
    which stands inside of the client's, or None for nobody. A pair goes to the origin of
    the URL only, whoever redirects. Excludes an `Authorization` among `headers`."""

    proxy: str | None
    """The URL of the HTTP proxy for this call, its credentials included; None connects
    directly. Wins over configuration and environment, redirects included."""

    tls: str
    """The name of the policy in `tls_policies` whose certificates are trusted and shown.
    Left out: the client's `tls`."""

    route: str
    """A name for calls of this kind, of low cardinality: "/v1/invoices/{id}". Policies
    get it with the method as `Call.operation`, log records and interceptors as `route`."""
