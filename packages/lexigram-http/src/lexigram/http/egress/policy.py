"""The decision whether a call is made.

It is taken twice. The URL is looked at before anything else happens, because a name that
is refused must not even be looked up. The address is looked at when it is about to be
connected to, because nothing else is certain: a name means what the look-up answers this
time, whatever it answered before. A connection that is there already needs no second
look: all of a pool's were opened under the same policy.
"""

from __future__ import annotations

from ipaddress import ip_network
from typing import Final

from lexigram.http.egress.addresses import (
    Address,
    Network,
    carried_by,
    is_public,
    number_of,
)
from lexigram.http.egress.config import EgressConfig

__all__ = ["EgressPolicy"]

_NO: Final = {
    "public_only": "no public address",
    "loopback": "no loopback address",
    "listed": "in none of `egress.allow_networks`",
}


class EgressPolicy:
    """What an `EgressConfig` says of a URL and of an address."""

    def __init__(self, config: EgressConfig) -> None:
        self.config: EgressConfig = config
        self.restricts: bool = config.restricts
        self._allowed: tuple[Network, ...] = tuple(
            map(ip_network, config.allow_networks)
        )
        self._denied: tuple[Network, ...] = tuple(map(ip_network, config.deny_networks))

    def why_not(self, scheme: str, host: str, port: int | None) -> str:
        """Say why no URL of this origin is called; "" when it may be.

        Args:
            scheme: In lower case.
            host: As it is sent: a name in its ASCII form, or an address in any notation.
            port: That of the URL, or of its scheme.
        """
        config = self.config
        if config.allow_schemes and scheme not in config.allow_schemes:
            return f"{scheme} is not in `egress.allow_schemes`"
        if config.allow_ports and port not in config.allow_ports:
            return f"port {port} is not in `egress.allow_ports`"
        if port in config.deny_ports:
            return f"port {port} is in `egress.deny_ports`"
        return self._why_not_host(host)

    def why_not_address(self, text: str) -> str:
        """Say what an address is that is not connected to; "" when it may be.

        Args:
            text: The address in numbers, with or without a zone.
        """
        address = number_of(text)
        if address is None:
            return "no address"
        denied = self._denied_by(address)
        if denied is not None:
            return f"in {denied} of `egress.deny_networks`"
        if self._permits(address):
            return ""
        base = self.config.addresses
        if base == "listed":
            return _NO[base]
        return f"{_NO[base]} (`egress.addresses` is `{base}`)"

    def _why_not_host(self, host: str) -> str:
        address = number_of(host)
        name = host.lower().rstrip(".") if address is None else str(address)
        config = self.config
        if config.allow_hosts and not any(_covers(p, name) for p in config.allow_hosts):
            return f"{host!r} is not in `egress.allow_hosts`"
        if any(_covers(pattern, name) for pattern in config.deny_hosts):
            return f"{host!r} is in `egress.deny_hosts`"
        if address is None:
            return ""
        why = self.why_not_address(name)
        return why and f"{_as_number(host, name)}, which is {why}"

    def _denied_by(self, address: Address) -> Network | None:
        ways = (address, *carried_by(address))
        for network in self._denied:
            if any(way in network for way in ways):
                return network
        return None

    def _permits(self, address: Address) -> bool:
        base = self.config.addresses
        if base == "any" or (base == "loopback" and address.is_loopback):
            return True
        public = is_public(address)
        if base == "public_only" and public:
            return True
        # What a gateway translates is allowed as what it becomes, if that is public: a
        # private one would be the gateway's, not that of this network.
        ways = (address, *carried_by(address)) if public else (address,)
        return any(way in network for network in self._allowed for way in ways)


def _covers(pattern: str, name: str) -> bool:
    if pattern.startswith("*."):
        return name.endswith(pattern[1:])
    return name == pattern


def _as_number(host: str, address: str) -> str:
    return f"the host is {address}" if host == address else f"{host!r} is {address}"
