"""What a client adds to every call, and how that meets what the call brings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, TypedDict, cast
from urllib.parse import unquote_plus

from lexigram.contracts.web import (
    Headers,
    HeaderSource,
    InterceptorProtocol,
    MutableHeaders,
    ParamValue,
    RequestOptions,
    Timeouts,
)
from lexigram.http.templates import PathValue


class PathOptions(RequestOptions, total=False):
    """What the verbs of `BaseURLHTTPClient` take by keyword."""

    path_params: Mapping[str, PathValue]
    """What the variables of the path stand for: `{"id": 7}` for "/invoices/{id}". Each is
    percent-encoded as a part of one segment. The path as written becomes the `route`."""

    allow_absolute: bool
    """Whether an absolute URL that is not below the base URL is called. Headers, `params`,
    `auth` and `tls` of the client are not used for it. Left out: as the client has it."""


class DefaultOptions(TypedDict, total=False):
    """What a `BaseURLHTTPClient` adds to its calls; each as in `RequestOptions`."""

    headers: HeaderSource
    """Sent with every request; those of a call win over them."""

    params: Mapping[str, ParamValue] | Sequence[tuple[str, str | int | float | bool]]
    """Appended to every query, unless the call has parameters of the name; None in a call
    leaves one out."""

    timeout: float | Timeouts | None
    """For each call. Left out: as the client underneath has it."""

    follow_redirects: bool
    """Whether redirects are followed. Left out: as configured."""

    max_response_bytes: int | None
    """The largest body to accept. Left out: as configured."""

    retry: bool
    """False sends each request at most once."""

    auth: tuple[str, str] | InterceptorProtocol | None
    """Who calls. An `Authorization` among the headers of a call wins over it."""

    proxy: str | None
    """The URL of the HTTP proxy; None connects directly."""

    tls: str
    """The name of a policy in `tls_policies`."""

    allow_absolute: bool
    """Whether absolute URLs that are not below the base URL are called, without
    `headers`, `params`, `auth` and `tls`."""


# What may identify the caller, or is meant for the upstream alone.
_SECRET: Final = ("headers", "params", "auth", "tls")


def over(
    before: RequestOptions, given: RequestOptions, present: Iterable[str] = ()
) -> RequestOptions:
    """Return the options of a call: what is given, and what was there before.

    Headers and parameters are joined, what is given in the place of its name. Credentials
    take the place of credentials, whether they are a header or `auth`.

    Args:
        before: The defaults.
        given: What wins over them.
        present: Names of parameters that the URL has already.
    """
    merged: RequestOptions = {**before, **given}
    own = Headers(given.get("headers", ()))
    if "authorization" in own and "auth" not in given:
        merged.pop("auth", None)
    if "headers" in merged:
        usual = before.get("headers", ())
        merged["headers"] = _headers(usual, own, own_auth="auth" in given)
    if "params" in before:
        merged["params"] = _params(before["params"], given.get("params", ()), present)
    return merged


def without_secrets(before: RequestOptions) -> RequestOptions:
    """Return the defaults that are for any upstream."""
    kept = {name: value for name, value in before.items() if name not in _SECRET}
    return cast("RequestOptions", kept)


def names_in_query(url: str) -> set[str]:
    """Return the names of the parameters in the query of a URL."""
    query = url.partition("#")[0].partition("?")[2]
    return {name_of(part) for part in query.split("&")}


def name_of(part: str) -> str:
    """Return the name of one parameter of a query."""
    return unquote_plus(part.partition("=")[0])


def _headers(before: HeaderSource, own: Headers, *, own_auth: bool) -> Headers:
    pairs = Headers(before).pairs
    merged = MutableHeaders([pair for pair in pairs if pair[0] not in own])
    if own_auth:
        merged.pop("authorization", None)
    for name, value in own.pairs:
        merged.add(name, value)
    return merged


def _params(before: Any, given: Any, present: Iterable[str]) -> list[tuple[str, Any]]:
    own = pairs_of(given)
    taken = {*present, *(name for name, _ in own)}
    return [pair for pair in pairs_of(before) if pair[0] not in taken] + own


def pairs_of(source: Any) -> list[tuple[str, Any]]:
    """Return parameters as pairs."""
    if isinstance(source, Mapping):
        return list(cast("Mapping[str, Any]", source).items())
    return list(source)
