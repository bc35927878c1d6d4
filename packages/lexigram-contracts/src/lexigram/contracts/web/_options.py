"""The options of one call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias, TypedDict

from lexigram.contracts.web._headers import HeaderSource

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
    """The body, as JSON. Excludes `data`."""

    data: bytes | str | Mapping[str, ParamValue]
    """The body: bytes and text as they are, a mapping as a urlencoded form."""

    timeout: float | None
    """Seconds for the whole call: the wait for a connection, every attempt, every
    back-off and the body. None waits for ever. Left out: the client's `pool.timeout`."""

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
