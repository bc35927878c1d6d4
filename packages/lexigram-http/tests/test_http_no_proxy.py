"""Which hosts NO_PROXY covers: the tables of curl and Go, and a model by arithmetic."""

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lexigram.http.no_proxy import NoProxy

# Names as in the tables of curl's and Go's own tests; what they do not agree on, the
# leading dot, goes with curl.
CASES = [
    ("", "example.com", False),
    (",", "example.com", False),
    ("*", "example.com", True),
    ("*", "127.0.0.1", True),
    ("foo, *", "example.com", True),
    ("example.com", "example.com", True),
    ("example.com", "EXAMPLE.com", True),
    ("EXAMPLE.COM", "example.com", True),
    ("example.com", "www.example.com", True),
    ("example.com", "nonexample.com", False),
    ("example.com", "example.com.evil.test", False),
    ("example.com", "com", False),
    (".example.com", "example.com", True),
    (".example.com", "www.example.com", True),
    (".example.com", "nonexample.com", False),
    ("*.example.com", "www.example.com", True),
    ("*.example.com", "example.com", False),
    ("example.com.", "example.com", True),
    ("example.com", "example.com.", True),
    ("example.com..", "www.example.com.", True),
    ("a.test,b.test", "b.test", True),
    ("a.test b.test", "b.test", True),
    (" a.test ,\tb.test ", "b.test", True),
    ("localhost", "localhost", True),
    ("localhost", "127.0.0.1", False),
    ("bücher.test", "xn--bcher-kva.test", True),
    ("xn--bcher-kva.test", "bücher.test", True),
    # Addresses
    ("127.0.0.1", "127.0.0.1", True),
    ("127.0.0.1", "127.0.0.11", False),
    ("0.0.1", "127.0.0.1", False),
    ("1.168.192.in-addr.test", "192.168.1.1", False),
    ("::1", "::1", True),
    ("[::1]", "::1", True),
    ("::1", "[::1]", True),
    ("0:0:0:0:0:0:0:1", "::1", True),
    ("::1", "::2", False),
    ("fe80::1", "fe80::1%eth0", True),
    ("10.0.0.1", "::ffff:10.0.0.1", True),
    ("::ffff:10.0.0.1", "10.0.0.1", True),
    # Networks
    ("10.0.0.0/8", "10.255.255.255", True),
    ("10.0.0.0/8", "11.0.0.0", False),
    ("10.1.2.3/8", "10.9.9.9", True),
    ("192.168.0.0/16", "192.168.1.1.example.com", False),
    ("0.0.0.0/0", "8.8.8.8", True),
    ("0.0.0.0/0", "::1", False),
    ("2001:db8::/32", "2001:db8:1::1", True),
    ("2001:db8::/32", "2001:db9::1", False),
    ("::ffff:10.0.0.0/104", "10.1.1.1", True),
    ("10.0.0.0/8", "::ffff:10.1.1.1", True),
    # Unreadable
    ("10.0.0.0/99", "10.0.0.1", False),
    ("10.0.0.0/8:443", "10.0.0.1", False),
    ("http://example.com", "example.com", False),
    ("..", "example.com", False),
    ("*.", "example.com", False),
    ("[", "example.com", False),
]


@pytest.mark.parametrize(("text", "host", "covered"), CASES)
def test_a_host_is_covered(text: str, host: str, *, covered: bool) -> None:
    assert NoProxy(text).covers(host, 443) is covered


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("example.com:8080", "example.com"),
        (".example.com:8080", "www.example.com"),
        ("127.0.0.1:8080", "127.0.0.1"),
        ("[::1]:8080", "::1"),
    ],
)
def test_an_entry_with_a_port_covers_that_port_alone(text: str, host: str) -> None:
    assert NoProxy(text).covers(host, 8080)
    assert not NoProxy(text).covers(host, 80)


@given(st.text(max_size=40), st.text(max_size=40))
def test_no_text_whatever_raises(text: str, host: str) -> None:
    assert NoProxy(text).covers(host, 443) in {True, False}


@dataclass(frozen=True)
class Host:
    """A host as labels or as a number, with the text that names it."""

    text: str
    labels: tuple[str, ...] = ()
    number: tuple[int, int] | None = None
    """The bits of the address, and their count."""


@dataclass(frozen=True)
class Entry:
    """An entry with what it means, apart from how it is written."""

    text: str
    labels: tuple[str, ...] = ()
    number: tuple[int, int] | None = None
    prefix: int = 0
    port: int | None = None

    def means(self, host: Host, port: int) -> bool:
        if self.port is not None and self.port != port:
            return False
        if self.number is None:
            return bool(host.labels) and host.labels[-len(self.labels) :] == self.labels
        if host.number is None or host.number[1] != self.number[1]:
            return False
        free = self.number[1] - self.prefix
        return host.number[0] >> free == self.number[0] >> free


# Few of everything, so that entries meet hosts.
LABELS = st.lists(st.sampled_from(["a", "b", "ab"]), min_size=1, max_size=3).map(tuple)
IPV4 = st.integers(0, 0x3FF).map(lambda low: 0x0A000000 | low)
IPV6 = st.integers(0, 0x3FF).map(lambda low: 0x20010DB8 << 96 | low)
PORTS = st.sampled_from([80, 443, 8080])

HOSTS = st.one_of(
    st.builds(lambda labels: Host(".".join(labels), labels), LABELS),
    IPV4.map(lambda bits: Host(str(IPv4Address(bits)), number=(bits, 32))),
    IPV6.map(lambda bits: Host(str(IPv6Address(bits)), number=(bits, 128))),
)


@st.composite
def names(draw: st.DrawFn) -> Entry:
    labels = draw(LABELS)
    port = draw(st.none() | PORTS)
    name = ".".join(labels)
    text = draw(st.sampled_from(["", "."])) + draw(
        st.sampled_from([name, name.upper(), f"{name}."])
    )
    return Entry(text if port is None else f"{text}:{port}", labels, port=port)


@st.composite
def networks(draw: st.DrawFn) -> Entry:
    if draw(st.booleans()):
        bits, count = draw(IPV4), 32
        address = str(IPv4Address(bits))
    else:
        bits, count = draw(IPV6), 128
        address = str(IPv6Address(bits))
    prefix = draw(st.integers(0, count))
    return Entry(f"{address}/{prefix}", number=(bits, count), prefix=prefix)


@st.composite
def addresses(draw: st.DrawFn) -> Entry:
    port = draw(st.none() | PORTS)
    if draw(st.booleans()):
        bits, count = draw(IPV4), 32
        text = str(IPv4Address(bits))
    else:
        bits, count = draw(IPV6), 128
        text = str(IPv6Address(bits))
        text = text if port is None else f"[{text}]"
    text = text if port is None else f"{text}:{port}"
    return Entry(text, number=(bits, count), prefix=count, port=port)


@given(
    entries=st.lists(names() | networks() | addresses(), max_size=4),
    separator=st.sampled_from([",", ", ", " ", "\t,"]),
    host=HOSTS,
    port=PORTS,
)
def test_a_list_covers_what_one_of_its_entries_means(
    entries: list[Entry], separator: str, host: Host, port: int
) -> None:
    text = separator.join(entry.text for entry in entries)
    expected = any(entry.means(host, port) for entry in entries)
    assert NoProxy(text).covers(host.text, port) is expected
