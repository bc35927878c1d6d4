"""How a refusal passes through the transport, which knows nothing of policies."""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable
from typing import Any, TypeAlias
from urllib.parse import urlsplit

from lexigram.contracts.web import HTTPBlockedError, RequestContext
from lexigram.http.egress.policy import EgressPolicy

AddrInfo: TypeAlias = tuple[int, int, int, str, tuple[Any, ...]]
"""One answer of `socket.getaddrinfo`: family, type, protocol, name, address."""

SocketFactory: TypeAlias = Callable[[AddrInfo], socket.socket]


class EgressRefusedError(OSError):
    """A connection that is not made.

    Its text is the same for every address: of failures with different texts, one for
    each address of a name, aiohttp's connector makes a plain `OSError`.

    Attributes:
        why: What is refused, and by which rule.
        address: The address, where it is one that a name led to.
    """

    def __init__(self, why: str, address: str = "") -> None:
        super().__init__(errno.EACCES, "The egress policy refuses the address")
        self.why: str = why
        self.address: str = address


def check_address(policy: EgressPolicy, address: str) -> None:
    """Refuse an address that is about to be connected to.

    Raises:
        EgressRefusedError: The policy forbids it.
    """
    why = policy.why_not_address(address)
    if why:
        raise EgressRefusedError(why, address)


def sockets_for(
    policy: EgressPolicy, exempt: Callable[[], bool]
) -> SocketFactory | None:
    """Return what makes the sockets of a pool; None where all are permitted.

    Called with the address of each attempt to connect. Raises `EgressRefusedError`.

    Args:
        policy: Whose word it is.
        exempt: Says whether the socket is one to a trusted proxy.
    """
    if not policy.restricts:
        return None

    def make(info: AddrInfo) -> socket.socket:
        family, kind, protocol, _, address = info
        if not exempt():
            check_address(policy, str(address[0]))
        return socket.socket(family, kind, protocol)

    return make


def refusal_in(error: BaseException) -> EgressRefusedError | None:
    """Return the refusal that a failure of the transport stands for, if it does."""
    inner = getattr(error, "os_error", error)
    return inner if isinstance(inner, EgressRefusedError) else None


def blocked(refused: EgressRefusedError, request: RequestContext) -> HTTPBlockedError:
    """Describe a refusal to the caller of a client."""
    why = refused.why
    if refused.address:
        host = urlsplit(request.url).hostname or ""
        why = f"{host!r} is {refused.address}, which is {why}"
    return HTTPBlockedError(
        f"The egress policy forbids the call: {why}. Nothing was sent. Call something "
        "else, or change the policy where the client is configured; for a module's stub "
        'that is `HTTPModule.stub(egress="any")`.',
        method=request.method,
        url=request.url,
    )
