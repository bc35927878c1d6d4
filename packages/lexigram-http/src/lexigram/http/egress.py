"""Where a client may connect to.

The decision is a function of an address, because nothing else is certain: a name means
what the look-up answers this time, and a redirect means whatever the server says. So it
is asked for each address that is about to be connected to, whatever led there, before
there is a socket.
"""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable
from ipaddress import IPv6Address, ip_address
from typing import Any, Literal, TypeAlias
from urllib.parse import urlsplit

from lexigram.contracts.web import HTTPBlockedError, RequestContext

Outbound: TypeAlias = Literal["any", "loopback"]
"""Which addresses a client connects to: all of them, or those of this machine alone."""

AddrInfo: TypeAlias = tuple[int, int, int, str, tuple[Any, ...]]
"""One answer of `socket.getaddrinfo`: family, type, protocol, name, address."""

SocketFactory: TypeAlias = Callable[[AddrInfo], socket.socket]


class EgressRefusedError(OSError):
    """A connection that is not made; for the transport, which knows nothing of policies.

    Its text is the same for every address: of failures with different texts, one for
    each address of a name, aiohttp's connector makes a plain `OSError`.

    Attributes:
        address: What was refused; empty for a name that led to no address.
    """

    def __init__(self, address: str = "") -> None:
        super().__init__(errno.EACCES, "The egress policy refuses the address")
        self.address: str = address


def permits(outbound: Outbound, address: str) -> bool:
    """Say whether a connection to `address`, in numbers, may be made.

    An IPv4 address that is written as an IPv6 one (::ffff:127.0.0.1) is what it maps to,
    since that is where the system connects. Translated ones (NAT64, 6to4) go through a
    gateway, which is not this machine.
    """
    if outbound == "any":
        return True
    try:
        ip = ip_address(address)
    except ValueError:
        return False
    mapped = ip.ipv4_mapped if isinstance(ip, IPv6Address) else None
    return (mapped or ip).is_loopback


def sockets_for(outbound: Outbound) -> SocketFactory | None:
    """Return what makes the sockets of a pool; None where all are permitted.

    Called with the address of each attempt to connect. Raises `EgressRefusedError`.
    """
    if outbound == "any":
        return None

    def make(info: AddrInfo) -> socket.socket:
        family, kind, protocol, _, address = info
        if not permits(outbound, str(address[0])):
            raise EgressRefusedError(str(address[0]))
        return socket.socket(family, kind, protocol)

    return make


def refusal_in(error: BaseException) -> EgressRefusedError | None:
    """Return the refusal that a failure of the transport stands for, if it does."""
    inner = getattr(error, "os_error", error)
    return inner if isinstance(inner, EgressRefusedError) else None


def blocked(refused: EgressRefusedError, request: RequestContext) -> HTTPBlockedError:
    """Describe a refusal to the caller of a client."""
    host = urlsplit(request.url).hostname or ""
    if not refused.address:
        tried = f"{host!r} cannot be resolved, so it is not known to be one"
    elif refused.address == host:
        tried = f"{host} is none"
    else:
        tried = f"{host!r} is {refused.address}"
    return HTTPBlockedError(
        f"Only loopback addresses may be called (`outbound: loopback`), and {tried}. "
        "Nothing was sent. To allow the rest, set `outbound: any`; for a module's stub "
        'that is `HTTPModule.stub(outbound="any")`.',
        method=request.method,
        url=request.url,
    )
