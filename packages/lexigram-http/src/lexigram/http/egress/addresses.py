"""Which addresses there are, and which of them lead into the public internet."""

from __future__ import annotations

import re
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from typing import Final, TypeAlias

__all__ = [
    "Address",
    "Network",
    "carried_by",
    "is_public",
    "network_of",
    "number_of",
]

Address: TypeAlias = IPv4Address | IPv6Address
Network: TypeAlias = IPv4Network | IPv6Network

# Not `is_global`, whose table moves with the patch release of Python. IPv4: what is not
# globally reachable by https://www.iana.org/assignments/iana-ipv4-special-registry, and
# what no server has: the relays of 6to4, multicast, the reserved end, and the address
# that the machines of one cloud are told about themselves by, public as it looks.
_CLOSED_IPV4: Final = tuple(
    map(
        IPv4Network,
        (
            "0.0.0.0/8",
            "10.0.0.0/8",
            "100.64.0.0/10",  # shared, RFC 6598; 100.100.100.200 tells machines of themselves
            "127.0.0.0/8",
            "168.63.129.16/32",
            "169.254.0.0/16",  # link-local; 169.254.169.254 likewise
            "172.16.0.0/12",
            "192.0.0.0/24",
            "192.0.2.0/24",
            "192.88.99.0/24",
            "192.168.0.0/16",
            "198.18.0.0/15",
            "198.51.100.0/24",
            "203.0.113.0/24",
            "224.0.0.0/4",
            "240.0.0.0/4",
        ),
    )
)

# IPv6: what is assigned to the world is one block (RFC 4291 §2.4), with holes in it by
# https://www.iana.org/assignments/iana-ipv6-special-registry.
_OPEN_IPV6: Final = IPv6Network("2000::/3")
_TEREDO: Final = IPv6Network("2001::/32")
_6TO4: Final = IPv6Network("2002::/16")
_CLOSED_IPV6: Final = tuple(
    map(
        IPv6Network,
        (
            "2001::/23",  # protocols: Teredo, benchmarks, identifiers
            "2001:db8::/32",
            "2002::/16",
            "3fff::/20",
        ),
    )
)

# Translated by a gateway, RFC 6052 and RFC 8215; the second by any length of prefix.
_NAT64: Final = IPv6Network("64:ff9b::/96")
_LOCAL_NAT64: Final = IPv6Network("64:ff9b:1::/48")
# Where the address ends behind a prefix of 48, 56 and 64 bits, of 120: those that stand
# for nothing left out (RFC 6052 §2.2).
_ENDS: Final = (80, 88, 96)
# An IPv4 address in its last bits: ::a.b.c.d (RFC 4291 §2.5.5.1), ::ffff:0:a.b.c.d (SIIT).
_COMPATIBLE: Final = IPv6Network("::/96")
_SIIT: Final = IPv6Network("::ffff:0:0:0/96")
_MAPPED: Final = IPv6Network("::ffff:0:0/96")

# A part of an address as `inet_aton` reads it. Bounded: Python reads no longer numbers.
_PART: Final = re.compile(r"0[xX][0-9a-fA-F]{0,64}|[0-9]{1,64}")
_PARTS: Final = 4
_BYTE: Final = 0xFF
_IPV4: Final = 0xFFFF_FFFF


def number_of(host: str) -> Address | None:
    """Return the address that a host is written as; None for a name.

    Every notation that a resolver takes for one is read, as by `inet_aton`: "127.1",
    "2130706433", "0x7f.0.0.1", "0177.0.0.1". A zone is left out, and an IPv4 address
    that is written as an IPv6 one (::ffff:127.0.0.1) is what the system connects to.
    """
    text = host.removeprefix("[").removesuffix("]").partition("%")[0].rstrip(".")
    try:
        address = ip_address(text)
    except ValueError:
        return _loosely(text)
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def network_of(text: str) -> Network:
    """Return the network that is written in CIDR notation, or as an address alone.

    Raises:
        ValueError: It is none, or has bits behind its prefix.
    """
    network = ip_network(text)
    if isinstance(network, IPv6Network) and network.subnet_of(_MAPPED):
        mapped = int(network.network_address) & _IPV4
        return IPv4Network((mapped, network.prefixlen - _MAPPED.prefixlen))
    return network


def is_public(address: Address) -> bool:
    """Say whether an address is one of the public internet.

    One that NAT64 translates is what it is translated to: where there is no IPv4, the
    resolver answers all servers in that form. 6to4 and Teredo are never public: they
    are out of use (RFC 7526, RFC 8190), but lead through relays to anything.
    """
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _CLOSED_IPV4)
    if address in _NAT64:
        return is_public(_last_bits(address))
    return address in _OPEN_IPV6 and not any(
        address in network for network in _CLOSED_IPV6
    )


def carried_by(address: Address) -> tuple[IPv4Address, ...]:
    """Return the IPv4 addresses that an IPv6 address may be a way to."""
    if isinstance(address, IPv4Address):
        return ()
    if address in _NAT64 or address in _COMPATIBLE or address in _SIIT:
        return (_last_bits(address),)
    if address in _6TO4 and address.sixtofour is not None:
        return (address.sixtofour,)
    if address in _TEREDO and address.teredo is not None:
        return address.teredo
    if address in _LOCAL_NAT64:
        return _by_any_prefix(int(address))
    return ()


def _by_any_prefix(value: int) -> tuple[IPv4Address, ...]:
    without = (value >> 64 << 56) | (value & ((1 << 56) - 1))
    found = [without >> (120 - end) & _IPV4 for end in _ENDS]
    return tuple(map(IPv4Address, [*found, value & _IPV4]))


def _last_bits(address: IPv6Address) -> IPv4Address:
    return IPv4Address(int(address) & _IPV4)


def _loosely(text: str) -> IPv4Address | None:
    """Read an IPv4 address as `inet_aton` does: 1 to 4 parts, decimal, octal or hex."""
    parts = text.split(".")
    if len(parts) > _PARTS or not all(map(_PART.fullmatch, parts)):
        return None
    try:
        *bytes_, rest = map(_part, parts)
    except ValueError:  # an 8 in an octal number
        return None
    free = 8 * (_PARTS - len(bytes_))
    if any(byte > _BYTE for byte in bytes_) or rest >> free:
        return None
    return IPv4Address(int.from_bytes(bytes_, "big") << free | rest)


def _part(text: str) -> int:
    if text[:2] in {"0x", "0X"}:
        return int(text[2:] or "0", 16)
    return int(text, 8 if text[0] == "0" else 10)
