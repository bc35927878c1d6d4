"""The guard against the network."""

import asyncio
import ipaddress
import pickle
import socket
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lexigram.testing import (
    FaultServer,
    NetworkBlocked,
    NetworkGuard,
    TestKitFailure,
    block_network,
)

# RFC 5737 and RFC 3849 keep these for documentation: nothing answers there.
FAR = ("192.0.2.1", 443)
FAR6 = ("2001:db8::1", 443)

PATCHED = [
    (socket.socket, "connect"),
    (socket.socket, "connect_ex"),
    (socket.socket, "sendto"),
    (socket.socket, "sendmsg"),
    (socket, "getaddrinfo"),
    (socket, "gethostbyname"),
    (socket, "gethostbyname_ex"),
    (socket, "socketpair"),
]


def in_place() -> list[object]:
    """Return what stands where the guard puts its own."""
    missing = "inherited"
    return [vars(owner).get(name, missing) for owner, name in PATCHED]


@contextmanager
def listening(family: int = socket.AF_INET) -> Iterator[tuple[str, int]]:
    with socket.socket(family) as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield server.getsockname()


@contextmanager
def inet(kind: int = socket.SOCK_STREAM) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, kind) as one:
        one.settimeout(5)
        yield one


def test_a_connection_elsewhere_is_blocked_and_the_failure_says_what_and_how() -> None:
    with block_network(), inet() as one, pytest.raises(NetworkBlocked) as caught:
        one.connect(FAR)
    assert (caught.value.host, caught.value.port) == FAR
    text = str(caught.value)
    assert "test_testing_network.py::test_a_connection_elsewhere" in text
    assert "wanted to connect to 192.0.2.1:443. " in text
    assert "block_network(allow=('192.0.2.1', ...))" in text
    assert isinstance(caught.value, TestKitFailure)


def test_the_failure_outside_of_pytest_names_no_test(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("PYTEST_CURRENT_TEST")
    assert str(NetworkBlocked("api.test", None)).startswith(
        "The network is blocked, and something wanted to look up 'api.test'. "
    )


def test_the_failure_can_be_pickled() -> None:
    copy = pickle.loads(pickle.dumps(NetworkBlocked("api.test", 443)))
    assert (copy.host, copy.port) == ("api.test", 443)


@pytest.mark.parametrize(
    "reach",
    [
        lambda one: one.connect(FAR),
        lambda one: one.connect_ex(FAR),
        lambda one: one.connect(("api.test", 443)),
        lambda one: one.sendto(b"x", FAR),
        lambda one: one.sendto(b"x", 0, FAR),
        lambda one: one.sendmsg([b"x"], [], 0, FAR),
        lambda one: socket.create_connection(FAR),
        lambda one: socket.create_connection(("api.test", 443)),
        lambda one: socket.getaddrinfo("api.test", 443),
        lambda one: socket.getaddrinfo(host="api.test", port=443),
        lambda one: socket.getaddrinfo(b"api.test", 443),
        lambda one: socket.gethostbyname("api.test"),
        lambda one: socket.gethostbyname_ex("api.test"),
        lambda one: urllib.request.urlopen("http://api.test/"),
        lambda one: urllib.request.urlopen("http://192.0.2.1/"),
    ],
)
def test_every_way_out_is_blocked(reach: Any) -> None:
    kind = socket.SOCK_DGRAM
    with block_network() as guard, inet(kind) as one, pytest.raises(NetworkBlocked):
        reach(one)
    assert len(guard.blocked) == 1


@pytest.mark.skipif(not socket.has_ipv6, reason="this Python has no IPv6")
def test_a_connection_by_ipv6_is_blocked() -> None:
    with (
        block_network(),
        socket.socket(socket.AF_INET6) as one,
        pytest.raises(NetworkBlocked, match=r"connect to \[2001:db8::1\]:443\."),
    ):
        one.connect(FAR6)


def test_this_machine_can_be_reached() -> None:
    with listening() as address, block_network() as guard:
        with inet() as one:
            one.connect(address)
        with inet() as one:
            assert one.connect_ex(address) == 0
        with socket.create_connection(("localhost", address[1]), timeout=5):
            pass
    assert guard.blocked == ()


def test_an_allowed_network_can_be_reached() -> None:
    with listening() as address:
        with block_network(allow=["127.0.0.0/8"]), inet() as one:
            one.connect(address)
        with (
            block_network(allow=["10.0.0.0/8"]),
            inet() as one,
            pytest.raises(NetworkBlocked),
        ):
            one.connect(address)


def test_an_allowed_name_stands_for_the_addresses_it_resolves_to(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real = socket.getaddrinfo

    def resolve(host: str, *args: Any, **options: Any) -> Any:
        assert host == "API.test."
        return real("127.0.0.1", *args, **options)

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    with listening() as address, block_network(allow=["api.test"]):
        with inet() as one, pytest.raises(NetworkBlocked):
            one.connect(address)
        with socket.create_connection(("API.test.", address[1]), timeout=5):
            pass


@pytest.mark.parametrize(
    ("name", "found"),
    [("gethostbyname", "127.0.0.1"), ("gethostbyname_ex", ("x", [], ["127.0.0.1"]))],
)
def test_older_lookups_teach_addresses_as_well(
    name: str, found: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, name, lambda _: found)
    with listening() as address, block_network(allow=["api.test"]), inet() as one:
        assert getattr(socket, name)("api.test") == found
        one.connect(address)


def test_what_leaves_no_machine_is_free() -> None:
    with block_network(allow=()):
        left, right = socket.socketpair()
        left.sendall(b"x")
        assert right.recv(1) == b"x"
        left.close()
        right.close()
        assert socket.getaddrinfo(*FAR, type=socket.SOCK_STREAM)
        assert socket.getaddrinfo(None, 80, flags=socket.AI_PASSIVE)
        with listening():
            pass


@pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="needs Unix sockets")
def test_unix_sockets_are_free(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # the whole path may be too long for a socket
    with (
        block_network(allow=()),
        socket.socket(socket.AF_UNIX) as server,
        socket.socket(socket.AF_UNIX) as client,
    ):
        server.bind("s")
        server.listen()
        client.connect("s")


def test_a_pair_of_sockets_that_is_made_by_loopback_is_free(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def as_on_windows() -> tuple[socket.socket, socket.socket]:
        with socket.socket() as server:
            server.bind(("127.0.0.1", 0))
            server.listen()
            one = socket.socket()
            one.connect(server.getsockname())
            return one, server.accept()[0]

    monkeypatch.setattr(socket, "socketpair", as_on_windows)
    with listening() as address, block_network(allow=()) as guard:
        for one in socket.socketpair():
            one.close()
        assert guard.blocked == ()
        with inet() as one, pytest.raises(NetworkBlocked):
            one.connect(address)


def test_what_is_no_address_is_refused_by_the_socket_itself() -> None:
    with block_network(), inet() as one:
        for wrong in ("127.0.0.1", 80, ("127.0.0.1",)):
            with pytest.raises(TypeError):
                one.connect(wrong)  # type: ignore[arg-type]  # the mistake
        with pytest.raises(TypeError):
            one.connect()  # type: ignore[call-arg]  # the mistake


def test_the_innermost_guard_decides() -> None:
    with listening() as address, block_network(allow=()) as outer:
        with block_network() as inner, inet() as one:
            one.connect(address)
        with inet() as one, pytest.raises(NetworkBlocked):
            one.connect(address)
    assert (len(outer.blocked), len(inner.blocked)) == (1, 0)


def test_everything_is_put_back_exactly() -> None:
    before = in_place()
    with block_network():
        within = in_place()
        with block_network():
            assert in_place() == within
    assert in_place() == before
    assert not any(one is two for one, two in zip(before, within, strict=True))


def test_a_block_that_fails_puts_everything_back() -> None:
    before = in_place()
    with pytest.raises(NetworkBlocked), block_network():
        socket.getaddrinfo("api.test", 443)
    assert in_place() == before


@given(st.permutations(range(4)))
def test_in_whatever_order_guards_end_the_latest_left_decides(order: list[int]) -> None:
    before = in_place()
    guards = [block_network(allow=()) for _ in range(4)]
    for guard in guards:
        guard.__enter__()
    left = list(range(4))
    for number in order:
        with pytest.raises(NetworkBlocked):
            socket.getaddrinfo("api.test", 443)
        assert guards[left[-1]].blocked
        left.remove(number)
        guards[number].__exit__(None, None, None)
    assert in_place() == before
    assert sum(len(guard.blocked) for guard in guards) == 4


def test_one_guard_may_be_entered_twice() -> None:
    before = in_place()
    guard = block_network()
    with guard, guard:
        pass
    assert in_place() == before


def test_what_a_thread_hid_is_told_by_the_guard() -> None:
    def job() -> None:
        with suppress(BaseException):
            socket.getaddrinfo("api.test", 443)

    with block_network() as guard:
        thread = threading.Thread(target=job)
        thread.start()
        thread.join(10)
        with pytest.raises(AssertionError, match="reached for:\n.*look up 'api.test'"):
            guard.verify()
    assert repr(guard) == (
        "<NetworkGuard, 127.0.0.1, ::1, localhost allowed, 1 blocked>"
    )


def test_a_guard_with_nothing_blocked_verifies() -> None:
    with block_network() as guard:
        pass
    guard.verify()


@pytest.mark.parametrize(
    "target", [("192.0.2.1", 443), ("api.test", 443)], ids=["address", "name"]
)
async def test_the_event_loop_is_guarded_too(target: tuple[str, int]) -> None:
    async with asyncio.timeout(10), block_network() as guard:
        with pytest.raises(NetworkBlocked):
            await asyncio.open_connection(*target)
        with pytest.raises(NetworkBlocked):
            await asyncio.get_running_loop().getaddrinfo("api.test", 443)
    assert len(guard.blocked) == 2


async def test_datagrams_of_the_event_loop_are_guarded() -> None:
    loop = asyncio.get_running_loop()
    async with block_network():
        with pytest.raises(NetworkBlocked):
            await loop.create_datagram_endpoint(
                asyncio.DatagramProtocol, remote_addr=FAR
            )


async def test_servers_of_the_test_are_reached_from_within() -> None:
    async with (
        asyncio.timeout(10),
        block_network() as guard,
        FaultServer.run() as server,
    ):
        server.on.get("/").optional()
        port = int(server.base_url.rpartition(":")[2])
        _, writer = await asyncio.open_connection("localhost", port)
        writer.close()
        await writer.wait_closed()
    assert guard.blocked == ()


@pytest.mark.parametrize(
    "host", ["https://api.test", "api.test:443", "[::1]", "", "*.test", "10.0.0.0/99"]
)
def test_what_is_no_host_cannot_be_allowed(host: str) -> None:
    with pytest.raises(ValueError, match="cannot be allowed"):
        block_network(allow=[host])


def test_one_text_is_not_taken_for_its_letters() -> None:
    with pytest.raises(TypeError, match=r"Give a tuple: \('localhost',\)\."):
        block_network(allow="localhost")


@given(st.ip_addresses(), st.ip_addresses(), st.integers(0, 32))
def test_an_address_is_allowed_exactly_when_a_network_holds_it(
    address: Any, base: Any, prefix: int
) -> None:
    network = ipaddress.ip_network(f"{base}/{prefix}", strict=False)
    guard = NetworkGuard([str(network)])
    mapped = getattr(address, "ipv4_mapped", None)
    expected = address in network or (mapped is not None and mapped in network)
    try:
        guard.check(str(address), 443)
    except NetworkBlocked:
        assert not expected
    else:
        assert expected


def test_an_address_of_ipv4_may_be_written_as_one_of_ipv6() -> None:
    NetworkGuard(["127.0.0.1"]).check("::ffff:127.0.0.1", 80)


def test_the_guard_of_a_process_is_loaded_only_when_it_is_used() -> None:
    code = (
        "import sys, lexigram.testing\n"
        "assert 'lexigram.testing._network' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
