"""The credentials of one call, in the place of those that its client adds.

`RequestContext.own_auth` is true from the start of such a call, so that interceptors of
the client leave it alone. An interceptor that *is* the option `auth` stands inside of
theirs, and sees the request as if nobody else minded: it may be one of the same classes.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from lexigram.contracts.web import InterceptorProtocol, RequestContext
from lexigram.contracts.web._call_options import is_interceptor
from lexigram.contracts.web.calling._interception import Interceptors

__all__ = ["with_own_auth"]


class _Handover(InterceptorProtocol):
    """Gives the request to the credentials of the call, or takes it back from them."""

    def __init__(self, *, own_auth: bool) -> None:
        self._own_auth = own_auth

    async def intercept_request(self, context: RequestContext, /) -> RequestContext:
        return replace(context, own_auth=self._own_auth)


_BEFORE = _Handover(own_auth=False)
_AFTER = _Handover(own_auth=True)


def with_own_auth(interceptors: Interceptors, scope: str, auth: Any) -> Interceptors:
    """Return the interceptors of one scope for a call that has the option `auth`.

    Args:
        interceptors: Those of the client.
        scope: Their scope, "call" or "attempt".
        auth: The option; it is added when it is an interceptor of this scope.
    """
    if not is_interceptor(auth) or getattr(auth, "scope", "call") != scope:
        return interceptors
    members = (*interceptors.members, _BEFORE, auth, _AFTER)
    return replace(interceptors, members=members)
