"""The hosts that NO_PROXY names.

There is no standard for it. These are curl's rules
(https://curl.se/docs/manpage.html#--noproxy) with the ports of Go's
(https://pkg.go.dev/golang.org/x/net/http/httpproxy#Config), which both read the lists
that other programs on the same machine are given.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from typing import TypeAlias

_Address: TypeAlias = IPv4Address | IPv6Address
_Network: TypeAlias = IPv4Network | IPv6Network

_MAPPED = IPv6Network("::ffff:0:0/96")


@dataclass(frozen=True, slots=True)
class _Rule:
    """Hosts of one entry: those in a network, or those under a name."""

    network: _Network | None = None
    name: str = ""
    itself: bool = True
    port: int | None = None

    def covers(self, name: str, address: _Address | None, port: int) -> bool:
        if self.port not in {None, port}:
            return False
        if self.network is not None:
            return address is not None and address in self.network
        # A number is no name: "0.0.1" must not take 127.0.0.1 for a part of itself.
        if address is not None or not self.name:
            return False
        return (self.itself and name == self.name) or name.endswith(f".{self.name}")


class NoProxy:
    """Says which hosts are called without a proxy.

    Entries are separated by commas or white space. A name stands for itself and for
    what is below it, with a leading dot or without; `*.name` only for what is below. An
    address or a network in CIDR notation stands for hosts that are given as addresses:
    no name is looked up for it. All but networks may end in a port. `*` is every host.
    An entry that cannot be read matches nothing.

    Example:
        >>> NoProxy("localhost, .corp.test, 10.0.0.0/8").covers("a.corp.test", 443)
        True
    """

    def __init__(self, text: str) -> None:
        entries = re.split(r"[\s,]+", text.strip())
        self._all = "*" in entries
        self._rules = tuple(_rule(entry) for entry in entries if entry)

    def covers(self, host: str, port: int) -> bool:
        """Say whether `host`, a name or an address, is called directly."""
        if self._all:
            return True
        name = _name(host)
        address = _address(host)
        return any(rule.covers(name, address, port) for rule in self._rules)


def _rule(entry: str) -> _Rule:
    network = _network(entry)
    if network is not None:
        return _Rule(network)
    host, port = _split_port(entry)
    network = _network(host)
    if network is not None and "/" not in host:
        return _Rule(network, port=port)
    below = host.startswith("*.")
    name = _name(host.removeprefix("*").removeprefix("."))
    return _Rule(name=name, itself=not below, port=port)


def _split_port(entry: str) -> tuple[str, int | None]:
    host, _, port = entry.rpartition(":")
    if host and port.isascii() and port.isdigit():
        return host, int(port)
    return entry, None


def _network(text: str) -> _Network | None:
    """Read a network, or an address as the network of it alone."""
    if "/" not in text:
        address = _address(text)
        return None if address is None else ip_network(address)
    try:
        network = ip_network(text, strict=False)
    except ValueError:
        return None
    if isinstance(network, IPv6Network) and network.subnet_of(_MAPPED):
        mapped = network.network_address.ipv4_mapped
        return IPv4Network((int(mapped or 0), network.prefixlen - _MAPPED.prefixlen))
    return network


def _address(text: str) -> _Address | None:
    """Read an address; ::ffff:1.2.3.4 is 1.2.3.4, and zones are left out."""
    text = text.removeprefix("[").removesuffix("]").rstrip(".").partition("%")[0]
    try:
        address = ip_address(text)
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        return address.ipv4_mapped
    return address


def _name(text: str) -> str:
    """Return a name as it is compared: on the wire, in lower case, without root dot."""
    text = text.lower().rstrip(".")
    if text.isascii():
        return text
    try:
        return text.encode("idna").decode("ascii")
    except UnicodeError:
        return text
