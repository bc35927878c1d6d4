"""Blocking the network for the time of a test."""

from __future__ import annotations

import os
from collections.abc import Iterable
from types import TracebackType
from typing import Self

from lexigram.testing._calls.failures import TestKitFailure
from lexigram.testing._network.hosts import Hosts
from lexigram.testing._network.sockets import enter, leave

__all__ = ["NetworkBlocked", "NetworkGuard", "block_network"]


class NetworkBlocked(TestKitFailure):
    """Something reached for a host that is not allowed.

    Attributes:
        host: The name or address.
        port: The port; None when the name was only looked up.
    """

    def __init__(self, host: str, port: int | None) -> None:
        action = (
            f"connect to {_join(host, port)}"
            if port is not None
            else f"look up {host!r}"
        )
        # Which test it is, though an exception may surface far from it.
        test = os.environ.get("PYTEST_CURRENT_TEST", "").rpartition(" ")[0]
        super().__init__(
            f"The network is blocked{f' in {test}' if test else ''}, and something "
            f"wanted to {action}. Answer it from a `FakeHTTPClient` or `FaultServer`, "
            f"or allow it with `block_network(allow=({host!r}, ...))`."
        )
        self.host = host
        self.port = port

    def __reduce__(self) -> tuple[type[Self], tuple[str, int | None]]:
        return type(self), (self.host, self.port)


def block_network(
    allow: Iterable[str] = ("127.0.0.1", "::1", "localhost"),
) -> NetworkGuard:
    """Return a guard that lets the block connect only to the hosts in `allow`.

    Anything else raises `NetworkBlocked`, which no `except Exception` swallows, before
    a packet is sent; a look-up of a name is traffic too. Unix sockets, `socketpair` and
    accepting connections stay free. Of guards within each other the innermost decides.
    It stands between Python's own sockets and the network, for all threads: what brings
    sockets of its own (uvloop, C libraries, other processes) is not seen.

    Args:
        allow: Names, addresses and networks ("10.0.0.0/8"). A name stands also for
            the addresses that it resolves to.

    Example:
        ```python
        with block_network():
            assert run_the_job() == "done"
        ```
    """
    return NetworkGuard(allow)


class NetworkGuard:
    """Blocks the network for a `with` or `async with` block; see `block_network`."""

    def __init__(self, allow: Iterable[str]) -> None:
        if isinstance(allow, str):
            raise TypeError(f"{allow=!r} is one text. Give a tuple: ({allow!r},).")
        self._allow = tuple(allow)
        self._hosts = Hosts(self._allow)
        self._blocked: list[NetworkBlocked] = []

    def __repr__(self) -> str:
        hosts = ", ".join(self._allow) or "nothing"
        return f"<NetworkGuard, {hosts} allowed, {len(self._blocked)} blocked>"

    @property
    def blocked(self) -> tuple[NetworkBlocked, ...]:
        """What was raised, whether or not anybody saw it."""
        return tuple(self._blocked)

    def verify(self) -> None:
        """Require that nothing was blocked: a thread or a task may have hidden it.

        Raises:
            AssertionError: Something was; lists it.
        """
        if self._blocked:
            listed = "".join(f"\n  {failure}" for failure in self._blocked)
            raise AssertionError(f"The network was reached for:{listed}")

    def __enter__(self) -> Self:
        enter(self)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        leave(self)

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.__exit__(kind, error, trace)

    def check(self, host: str, port: int | None) -> None:
        """Let a host pass, or refuse it.

        Raises:
            NetworkBlocked: It is not allowed.
        """
        if host not in self._hosts:
            failure = NetworkBlocked(host, port)
            self._blocked.append(failure)
            raise failure

    def learn(self, addresses: Iterable[str]) -> None:
        """Allow the addresses that an allowed name resolved to."""
        for address in addresses:
            self._hosts.add(address)


def _join(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
