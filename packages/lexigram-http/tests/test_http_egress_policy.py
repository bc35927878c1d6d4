"""Which URLs and addresses an egress policy permits."""

import socket
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from lexigram.http import HTTPClientConfig
from lexigram.http.egress.addresses import number_of
from lexigram.http.egress.config import EgressConfig
from lexigram.http.egress.policy import EgressPolicy


def policy(**rules: Any) -> EgressPolicy:
    return EgressPolicy(EgressConfig.model_validate(rules))


def permits(address: object, **rules: Any) -> bool:
    return not policy(**rules).why_not_address(str(address))


def calls(url: tuple[str, str, int], **rules: Any) -> bool:
    return not policy(**rules).why_not(*url)


# -- what an address is -------------------------------------------------------------------

NOT_PUBLIC = {
    "loopback": "127.0.0.1 127.255.255.254 ::1",
    "unspecified": "0.0.0.0 0.1.2.3 ::",
    "private": "10.0.0.1 172.16.0.1 172.31.255.255 192.168.1.1 fc00::1 fdff::1",
    "shared": "100.64.0.1 100.127.255.255",
    "link-local": "169.254.0.1 fe80::1 fe80::1%eth0 febf::1",
    "clouds": "169.254.169.254 169.254.170.2 fd00:ec2::254 100.100.100.200 168.63.129.16 "
    "192.0.0.192 fd20:ce::254",
    "documentation": "192.0.2.1 198.51.100.1 203.0.113.1 2001:db8::1 3fff::1",
    "benchmarks": "198.18.0.1 198.19.255.255 2001:2::1",
    "multicast": "224.0.0.1 239.255.255.250 ff02::1 ff0e::1",
    "reserved": "240.0.0.1 255.255.255.255 5f00::1 100::1 4000::1 fec0::1",
    "mapped": "::ffff:127.0.0.1 ::ffff:10.0.0.1 ::ffff:169.254.169.254",
    "compatible": "::127.0.0.1 ::10.0.0.1 ::ffff:0:10.0.0.1",
    "NAT64": "64:ff9b::127.0.0.1 64:ff9b::10.0.0.1 64:ff9b::169.254.169.254 "
    "64:ff9b:1::8.8.8.8",
    "6to4": "2002:7f00:1:: 2002:a00:1::1 2002:808:808::1 192.88.99.1",
    "Teredo": "2001:0:4136:e378:8000:63bf:3fff:fdd2 2001::1",
}
PUBLIC = (
    "1.1.1.1 8.8.8.8 11.0.0.0 100.63.255.255 100.128.0.0 172.32.0.0 192.0.1.1 "
    "223.255.255.255 168.63.129.17 2606:4700::1111 2a00:1450:4001::1 2001:4860::8888 "
    "::ffff:8.8.8.8 64:ff9b::8.8.8.8"
)


@pytest.mark.parametrize("kind", NOT_PUBLIC)
def test_an_address_that_is_not_of_the_public_internet_is_refused(kind: str) -> None:
    for address in NOT_PUBLIC[kind].split():
        assert not permits(address, addresses="public_only"), address


def test_a_public_address_is_permitted() -> None:
    for address in PUBLIC.split():
        assert permits(address, addresses="public_only"), address


@given(st.ip_addresses())
def test_nothing_is_public_that_the_standard_library_says_is_not(
    address: IPv4Address | IPv6Address,
) -> None:
    if permits(address, addresses="public_only"):
        meant = number_of(str(address))
        assert meant is not None
        assert meant.is_global
        assert not meant.is_multicast


@given(st.ip_addresses())
def test_loopback_is_a_block_of_ipv4_its_mapped_form_and_one_of_ipv6(
    address: IPv4Address | IPv6Address,
) -> None:
    value = int(address)
    if isinstance(address, IPv4Address):
        expected = value >> 24 == 127
    else:
        expected = value == 1 or value >> 24 == (0xFFFF << 8) + 127
    assert permits(address, addresses="loopback") is expected
    assert permits(address)


@given(st.ip_addresses(v=4))
def test_a_mapped_address_is_what_it_maps_to(address: IPv4Address) -> None:
    mapped = IPv6Address(f"::ffff:{address}")
    for addresses in ("loopback", "public_only"):
        one, other = (permits(a, addresses=addresses) for a in (mapped, address))
        assert one is other


def test_what_only_looks_like_loopback_is_not() -> None:
    for address in (
        "0.0.0.0",
        "::",
        "::ffff:203.0.113.7",
        "64:ff9b::7f00:1",  # through a NAT64 gateway
        "2002:7f00:1::",  # 6to4
        "::127.0.0.1",  # deprecated, RFC 4291 §2.5.5.1
        "localhost",
        "",
    ):
        assert not permits(address, addresses="loopback"), address


# -- how an address is written ------------------------------------------------------------


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.0.0.1.",
        "127.1",
        "127.0.1",
        "2130706433",
        "0x7f000001",
        "0x7F.0.0.1",
        "0x7f.1",
        "0177.0.0.1",
        "017700000001",
        "0000127.0.0.1".replace("0000127", "000177"),
        "0x0000000000000000007f.1",
        "::ffff:127.0.0.1",
        "::ffff:7f00:1",
        "0:0:0:0:0:FFFF:127.0.0.1",
        "[::ffff:127.0.0.1]",
    ],
)
def test_an_address_is_known_in_every_notation(host: str) -> None:
    assert number_of(host) == IPv4Address("127.0.0.1")
    why = policy(addresses="public_only").why_not("http", host, 80)
    assert "127.0.0.1, which is no public address" in why


@pytest.mark.parametrize(
    "host", ["api.test", "", ".", "1.2.3.4.5", "256.1.1.1", "1.2.3.256", "4294967296"]
)
def test_what_is_no_address_is_a_name(host: str) -> None:
    assert number_of(host) is None
    assert not policy(addresses="public_only").why_not("http", host, 80)


@given(
    st.from_regex(
        r"(0x[0-9a-f]{0,9}|[0-9]{1,11})(\.(0x[0-9a-f]{0,3}|[0-9]{1,4})){0,3}",
        fullmatch=True,
    )
)
def test_numbers_are_read_as_the_system_reads_them(text: str) -> None:
    try:
        expected = IPv4Address(socket.inet_aton(text))
    except OSError:
        return  # the system takes it for a name, whose addresses are judged
    assert number_of(text) == expected


# -- lists --------------------------------------------------------------------------------


def test_networks_may_be_allowed_beside_or_alone() -> None:
    beside = {"addresses": "public_only", "allow_networks": ["10.2.0.0/16", "fd00::/8"]}
    alone = {**beside, "addresses": "listed"}
    for address in ("10.2.3.4", "::ffff:10.2.3.4", "fd12::1"):
        assert permits(address, **beside), address
        assert permits(address, **alone), address
    assert permits("8.8.8.8", **beside)
    for address in ("8.8.8.8", "10.3.0.1", "2606:4700::1111", "64:ff9b::10.2.3.4"):
        assert not permits(address, **alone), address
    assert permits("64:ff9b::8.8.8.8", addresses="listed", allow_networks=["8.0.0.0/8"])


@pytest.mark.parametrize(
    "address",
    [
        "10.2.3.4",
        "::ffff:10.2.3.4",
        "::10.2.3.4",
        "::ffff:0:10.2.3.4",
        "64:ff9b::10.2.3.4",
        "64:ff9b:1::10.2.3.4",
        "64:ff9b:1:a02:3:400::",  # a prefix of 48 bits, RFC 6052 §2.4
        "64:ff9b:1:a:2:304::",  # of 56
        "64:ff9b:1:0:a:203:400::",  # of 64
        "2002:a02:304::1",
        "2001:0:a02:304::1",  # the server of Teredo
        "2001:0:808:808:0:0:f5fd:fcfb",  # and its client, inverted
    ],
)
def test_a_network_is_denied_however_it_is_reached(address: str) -> None:
    rules: dict[str, Any] = {"deny_networks": ["10.2.0.0/16"]}
    why = policy(**rules).why_not_address(address)
    assert why == "in 10.2.0.0/16 of `egress.deny_networks`"
    assert permits("10.3.0.1", **rules)
    assert permits("2606:4700::1111", **rules)


def test_what_is_denied_wins_over_what_is_allowed() -> None:
    rules = {
        "addresses": "listed",
        "allow_networks": ["10.0.0.0/8"],
        "deny_networks": ["10.2.0.0/16"],
        "allow_hosts": ["*.api.test"],
        "deny_hosts": ["admin.api.test"],
        "allow_ports": [80, 81],
        "deny_ports": [81],
    }
    assert permits("10.1.0.1", **rules)
    assert not permits("10.2.0.1", **rules)
    assert calls(("http", "www.api.test", 80), **rules)
    assert not calls(("http", "admin.api.test", 80), **rules)
    assert not calls(("http", "www.api.test", 81), **rules)


@pytest.mark.parametrize(
    ("pattern", "host", "covered"),
    [
        ("api.test", "api.test", True),
        ("API.test.", "api.test", True),
        ("api.test", "api.test.", True),
        ("api.test", "api.test..", True),
        ("api.test", "API.TEST", True),
        ("api.test", "www.api.test", False),
        ("api.test", "myapi.test", False),
        ("*.api.test", "www.api.test", True),
        ("*.api.test", "a.b.api.test", True),
        ("*.api.test", "api.test", False),
        ("*.api.test", "myapi.test", False),
        ("xn--mnchen-3ya.test", "xn--mnchen-3ya.test", True),
    ],
)
def test_a_host_is_a_name_or_all_names_below_one(
    pattern: str,
    host: str,
    covered: bool,  # noqa: FBT001 - of a table
) -> None:
    assert calls(("https", host, 443), allow_hosts=[pattern]) is covered
    assert calls(("https", host, 443), deny_hosts=[pattern]) is not covered


def test_an_address_is_an_allowed_host_in_any_notation() -> None:
    rules = {"allow_hosts": ["10.0.0.1", "::ffff:10.0.0.2", "fd00::1"]}
    for host in ("10.0.0.1", "167772161", "::ffff:10.0.0.1", "10.0.0.2", "fd00:0::1"):
        assert calls(("http", host, 80), **rules), host
    for host in ("10.0.0.3", "api.test"):
        assert not calls(("http", host, 80), **rules), host


def test_every_rule_has_to_hold() -> None:
    rules = {
        "addresses": "public_only",
        "allow_hosts": ["10.0.0.1", "8.8.8.8"],
        "allow_schemes": ["https"],
    }
    assert calls(("https", "8.8.8.8", 443), **rules)
    assert not calls(("https", "10.0.0.1", 443), **rules)
    assert not calls(("http", "8.8.8.8", 80), **rules)


def test_the_rule_is_named() -> None:
    rules = policy(allow_schemes=["https"], allow_ports=[443, 22], deny_ports=[22])
    assert rules.why_not("http", "a", 443) == "http is not in `egress.allow_schemes`"
    assert rules.why_not("https", "a", 1) == "port 1 is not in `egress.allow_ports`"
    assert rules.why_not("https", "a", 22) == "port 22 is in `egress.deny_ports`"
    hosts = policy(allow_hosts=["a", "b"], deny_hosts=["b"])
    assert hosts.why_not("http", "c", 80) == "'c' is not in `egress.allow_hosts`"
    assert hosts.why_not("http", "b", 80) == "'b' is in `egress.deny_hosts`"
    listed = policy(addresses="listed", allow_networks=["10.0.0.0/8"])
    assert listed.why_not_address("8.8.8.8") == "in none of `egress.allow_networks`"
    assert listed.why_not_address("nonsense") == "no address"


# -- the section --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rules", "problem"),
    [
        ({"deny_networks": ["10.0.0.1/8"]}, "has host bits set"),
        ({"deny_networks": ["api.test"]}, "'api.test' is no network"),
        ({"allow_hosts": ["http://api.test"]}, "without scheme and port"),
        ({"allow_hosts": ["api.test:80"]}, "without scheme and port"),
        ({"allow_hosts": ["*"]}, "is no host"),
        ({"allow_hosts": ["a.*.test"]}, "is no host"),
        ({"deny_hosts": ["münchen.test"]}, "begins with xn--"),
        ({"deny_hosts": ["10.0.0.1"]}, "Write it into `deny_networks`"),
        ({"deny_hosts": ["0x7f.1"]}, "Write it into `deny_networks`"),
        ({"allow_ports": [0]}, "0 is no port"),
        ({"deny_ports": [65536]}, "65536 is no port"),
        ({"allow_schemes": ["ftp"]}, "'http' or 'https'"),
        ({"addresses": "listed"}, "forbids every call"),
        ({"allow_networks": ["10.0.0.0/8"]}, "set `addresses: listed`"),
        ({"adresses": "any"}, "adresses"),
    ],
)
def test_a_rule_that_cannot_be_meant_is_refused(
    rules: dict[str, Any], problem: str
) -> None:
    with pytest.raises(ValidationError) as caught:
        HTTPClientConfig.model_validate({"egress": rules})
    assert problem in str(caught.value)


def test_networks_and_hosts_are_kept_in_one_form() -> None:
    config = EgressConfig.model_validate(
        {
            "deny_networks": ["10.0.0.1", "::ffff:10.0.0.0/104", "FD00::/8"],
            "deny_hosts": [" API.test. ", "*.Api.Test"],
        }
    )
    assert config.deny_networks == ("10.0.0.1/32", "10.0.0.0/8", "fd00::/8")
    assert config.deny_hosts == ("api.test", "*.api.test")


def test_a_policy_says_in_short_what_it_is() -> None:
    assert EgressConfig().summary == "any"
    assert not EgressConfig(trust_proxy=True).restricts
    both = EgressConfig(addresses="public_only", deny_ports=frozenset({22}))
    assert both.summary == "public_only, `deny_ports`"
    assert both.restricts
    assert EgressConfig(allow_schemes=frozenset({"https"})).restricts


def test_the_text_of_an_address_is_that_of_the_standard_library() -> None:
    assert str(number_of("::FFFF:10.1")) != "10.0.0.1", "no short form within IPv6"
    assert number_of("FE80::1%25eth0") == ip_address("fe80::1")
