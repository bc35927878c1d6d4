"""The interceptors of an application, as one value."""

from __future__ import annotations

from collections.abc import Sequence
from typing import overload

from lexigram.contracts.web import InterceptorProtocol


class InterceptorChain(Sequence[InterceptorProtocol]):
    """Interceptors in order; implements `InterceptorChainProtocol`.

    Register one to have the application's client use it, or give one to a client:
    it is a sequence, and does not change.

    Raises:
        TypeError: A member is not an interceptor; says which one and why.

    Example:
        >>> chain = InterceptorChain(CorrelationId(), IdempotencyKey())
        >>> client = HTTPClient(interceptors=chain)
    """

    def __init__(self, *interceptors: InterceptorProtocol) -> None:
        for interceptor in interceptors:
            _check(interceptor)
        self._interceptors = interceptors

    @property
    def interceptors(self) -> Sequence[InterceptorProtocol]:
        """The interceptors; the first is the first to see a request."""
        return self._interceptors

    def extended(self, *interceptors: InterceptorProtocol) -> InterceptorChain:
        """Return a chain that has these after its own."""
        return InterceptorChain(*self._interceptors, *interceptors)

    @overload
    def __getitem__(self, index: int) -> InterceptorProtocol: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[InterceptorProtocol]: ...
    def __getitem__(
        self, index: int | slice
    ) -> InterceptorProtocol | Sequence[InterceptorProtocol]:
        return self._interceptors[index]

    def __len__(self) -> int:
        return len(self._interceptors)

    def __repr__(self) -> str:
        return f"InterceptorChain({', '.join(map(repr, self._interceptors))})"


def _check(interceptor: object) -> None:
    if isinstance(interceptor, type):
        raise TypeError(
            f"{interceptor.__name__} is a class, and a chain takes instances. "
            f"Write `{interceptor.__name__}(...)`."
        )
    if not isinstance(interceptor, InterceptorProtocol):
        raise TypeError(
            f"{interceptor!r} is not an interceptor: it lacks `intercept_request` or "
            "`intercept_response`. Inherit from `InterceptorProtocol` to define only one."
        )
