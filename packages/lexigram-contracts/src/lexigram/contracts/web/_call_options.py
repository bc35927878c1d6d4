"""The options that say as whom, which way and under which name a call is made."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

from lexigram.contracts.web._errors import HTTPInvalidRequestError
from lexigram.contracts.web._headers import Headers, HeaderSource, MutableHeaders
from lexigram.contracts.web._urls import check_url

__all__ = [
    "authorize",
    "basic_credentials",
    "check_call_options",
    "is_interceptor",
    "proxy_problem",
    "without_authorization",
]

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")

# A client that is given ever new ones must not keep them all.
_MOST_PROXIES: Final = 64


def check_call_options(options: Mapping[str, Any]) -> None:
    """Refuse values of `proxy`, `tls` and `route` that no client can use.

    Raises:
        HTTPInvalidRequestError: Says which one and why, without credentials.
    """
    if "proxy" in options:
        _check_proxy(options["proxy"])
    if "tls" in options:
        _check_name("tls", options["tls"], "of `tls_policies`, such as 'partner'")
    if "route" in options:
        _check_name("route", options["route"], "such as '/v1/invoices/{id}'")


def _check_proxy(proxy: Any) -> None:
    if proxy is None:
        return
    if not isinstance(proxy, str):
        raise HTTPInvalidRequestError(
            f"proxy is of type {type(proxy).__name__}; it takes a URL, or None to "
            "connect directly."
        )
    problem = proxy_problem(proxy)
    if problem:
        raise HTTPInvalidRequestError(f"proxy= cannot be used. {problem}")


def _check_name(option: str, name: Any, kind: str) -> None:
    if not isinstance(name, str):
        raise HTTPInvalidRequestError(
            f"{option} is of type {type(name).__name__}; it takes a name {kind}."
        )
    if not name.strip() or not name.isprintable():
        raise HTTPInvalidRequestError(
            f"{option}={name!r} is no name. Give one {kind}, or leave it out."
        )


@lru_cache(_MOST_PROXIES)
def proxy_problem(url: str) -> str:
    """Say why a URL is not that of a proxy, without quoting it; "" if it is."""
    if url.lower().startswith("socks"):
        return (
            "It names a SOCKS proxy, and proxies have to speak HTTP here. "
            "Give a URL such as http://proxy.test:3128."
        )
    try:
        check_url(url)
    except HTTPInvalidRequestError as error:
        return str(error.args[0])
    from urllib.parse import unquote, urlsplit  # noqa: PLC0415 - see `_building`

    user = urlsplit(url).netloc.rpartition("@")[0].partition(":")[0]
    if ":" in unquote(user):
        return (
            "Its user holds a colon, which Basic authentication cannot say (RFC 7617)."
        )
    return ""


def without_authorization(headers: HeaderSource) -> list[tuple[str, str]]:
    """Return what a client adds to a call that has credentials of its own."""
    return [
        (name, value)
        for name, value in Headers(headers).pairs
        if name.lower() != "authorization"
    ]


def authorize(auth: Any, url: str, fields: MutableHeaders) -> None:
    """Add the credentials of the option `auth`; those of an interceptor come later.

    Args:
        auth: A pair of user and password, an interceptor, or None.
        url: Where the call goes.
        fields: Those of the call itself, without the client's Authorization.

    Raises:
        HTTPInvalidRequestError: It is something else, or there are credentials already.
    """
    if "authorization" in fields:
        raise HTTPInvalidRequestError(
            "There are an `Authorization` among the headers of the call and the option "
            "`auth`. Give one of them."
        )
    if "@" in url.partition("://")[2].partition("/")[0].partition("?")[0]:
        raise HTTPInvalidRequestError(
            "There are credentials in the URL and the option `auth`. Give one of them."
        )
    if isinstance(auth, tuple):
        fields["Authorization"] = _basic_of(auth)
    elif auth is not None and not is_interceptor(auth):
        kind = auth if isinstance(auth, type) else type(auth)
        raise HTTPInvalidRequestError(
            f"auth is {'the class' if kind is auth else 'of type'} {kind.__name__}; it "
            "takes a pair of user and password, an interceptor such as BearerAuth(...), "
            "or None for no credentials."
        )


def is_interceptor(auth: object) -> bool:
    """Say whether the option `auth` is an interceptor."""
    # By their names: to match the protocol takes longer than the rest of a request.
    return (
        hasattr(auth, "intercept_request")
        and hasattr(auth, "intercept_response")
        and not isinstance(auth, type)
    )


def _basic_of(pair: tuple[Any, ...]) -> str:
    if [type(part) for part in pair] != [str, str]:
        raise HTTPInvalidRequestError(
            "auth is a tuple of something else than two strings; it takes a user and a "
            "password."
        )
    return basic_credentials(*pair)


def basic_credentials(username: str, password: str) -> str:
    """Return the value of Authorization for a user and a password (RFC 7617), in UTF-8.

    Raises:
        HTTPInvalidRequestError: They cannot be said so; the message does not hold them.
    """
    import unicodedata  # noqa: PLC0415 - most processes need neither of the two
    from base64 import b64encode  # noqa: PLC0415

    if ":" in username:
        raise HTTPInvalidRequestError(
            "The user name for Basic authentication holds a colon, which ends it "
            "(RFC 7617 §2). Give the password by itself."
        )
    if _CONTROL.search(username + password):
        raise HTTPInvalidRequestError(
            "The user name or password for Basic authentication holds a control "
            "character, such as a line break (RFC 7617 §2). Leave it out."
        )
    # RFC 7617 §2.1 names the form of Unicode too: the same password, however typed.
    pair = unicodedata.normalize("NFC", f"{username}:{password}")
    try:
        return "Basic " + b64encode(pair.encode()).decode("ascii")
    except UnicodeEncodeError:
        # Not as the cause, which holds both.
        raise HTTPInvalidRequestError(
            "The user name or password for Basic authentication holds half a surrogate "
            "pair, which is no character. Was it decoded with `surrogateescape`?"
        ) from None
