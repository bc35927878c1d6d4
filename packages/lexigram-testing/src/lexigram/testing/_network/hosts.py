"""Which hosts may be reached."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from typing import TypeAlias

__all__ = ["Hosts", "address_of"]

_Address: TypeAlias = IPv4Address | IPv6Address
_Network: TypeAlias = IPv4Network | IPv6Network


class Hosts:
    """A set of names, addresses and networks."""

    def __init__(self, allow: Iterable[str]) -> None:
        """Take what a user wrote.

        Raises:
            ValueError: It is neither a name nor an address nor a network.
        """
        # Replaced, never changed: other threads read them meanwhile.
        self._networks: tuple[_Network, ...] = ()
        self._names: frozenset[str] = frozenset()
        for host in allow:
            self.add(host)

    def __contains__(self, host: str) -> bool:
        address = address_of(host)
        if address is None:
            return _normal(host) in self._names
        return any(
            form in network for form in _forms(address) for network in self._networks
        )

    def add(self, host: str) -> None:
        """Add one.

        Raises:
            ValueError: It is none of these.
        """
        if (network := _network_of(host)) is None:
            _check_name(host)
            self._names |= {_normal(host)}
        elif network not in self._networks:
            self._networks = (*self._networks, network)


def address_of(host: str) -> _Address | None:
    """Return an address, or None for a name."""
    try:
        return ip_address(_without_zone(host))
    except ValueError:
        return None


def _network_of(host: str) -> _Network | None:
    try:
        return ip_network(_without_zone(host), strict=False)
    except ValueError:
        return None


def _check_name(host: str) -> None:
    if not host or set(host) & set("/:@[]* "):
        raise ValueError(
            f"{host!r} cannot be allowed: it is neither a name nor an address nor a "
            "network. Leave out scheme, port and brackets: 'api.test', '::1', "
            "'10.0.0.0/8'."
        )


def _forms(address: _Address) -> tuple[_Address, ...]:
    """Return the address, and the IPv4 address that it stands for."""
    mapped = getattr(address, "ipv4_mapped", None)
    return (address, mapped) if isinstance(mapped, IPv4Address) else (address,)


def _normal(name: str) -> str:
    return name.lower().rstrip(".")


def _without_zone(host: str) -> str:
    return host.partition("%")[0]
