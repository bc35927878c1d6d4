"""Keys that let a server recognize a repeated request."""

from __future__ import annotations

from collections.abc import Callable, Collection
from uuid import uuid4

from lexigram.contracts.web import InterceptorProtocol, RequestContext
from lexigram.http.interceptors.origins import origin_of

_NOT_IDEMPOTENT = frozenset({"POST", "PATCH"})


def _new_key() -> str:
    return str(uuid4())


class IdempotencyKey(InterceptorProtocol):
    """Gives each call a key of its own, the same on all of its attempts.

    A call that has one keeps it. With `Idempotency-Key`, a POST becomes repeatable: use
    it with servers that honour the key, and say by `origin` which one that is where a
    client calls others too.

    Args:
        origin: The only origin whose calls get a key, or any URL there. Left out: all.
        header: The name of the header. Only the usual one makes a call repeatable.
        quoted: Send the key in quotes, as a string of a structured field
            (draft-ietf-httpapi-idempotency-key-header); most servers want it bare.
        methods: The methods that get one.
        generate: Makes a key. Left out: a random UUID.

    Raises:
        HTTPInvalidRequestError: `origin` is no URL.
    """

    def __init__(
        self,
        *,
        origin: str | None = None,
        header: str = "Idempotency-Key",
        quoted: bool = False,
        methods: Collection[str] = _NOT_IDEMPOTENT,
        generate: Callable[[], str] = _new_key,
    ) -> None:
        self._origin = None if origin is None else origin_of(origin)
        self._header = header
        self._quoted = quoted
        self._methods = frozenset(method.upper() for method in methods)
        self._generate = generate

    async def intercept_request(self, context: RequestContext, /) -> RequestContext:
        """Add a key, if the call should have one and has none."""
        if self._is_for(context) and self._header not in context.headers:
            key = self._generate()
            context.headers[self._header] = f'"{key}"' if self._quoted else key
        return context

    def _is_for(self, request: RequestContext) -> bool:
        return request.method in self._methods and (
            self._origin is None or origin_of(request.url) == self._origin
        )

    def __repr__(self) -> str:
        return f"<IdempotencyKey as {self._header} for {self._origin or 'all origins'}>"
