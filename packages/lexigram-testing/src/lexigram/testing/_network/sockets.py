"""Standing between Python's sockets and the network.

Methods of `socket.socket` and the look-up functions of `socket` are replaced, which
everything written in Python goes through: asyncio's selector loops, aiohttp, httpx,
`http.client`, drivers of databases. Not seen are other processes and what brings its own
sockets: uvloop, Windows' proactor loop, C libraries.
"""

from __future__ import annotations

import functools
import socket
import threading
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Final, Protocol, cast

from lexigram.testing._network.hosts import address_of

__all__ = ["enter", "leave"]


class Gatekeeper(Protocol):
    """Who is asked."""

    def check(self, host: str, port: int | None) -> None:
        """Return when the host may be reached, raise when not."""
        ...

    def learn(self, addresses: Iterable[str]) -> None:
        """Take note of what an allowed name resolved to."""
        ...


# What is replaced belongs to the process, and so does the list of who guards it: guards
# may overlap and end in any order, and only the last may put things back.
_guards: Final[list[Gatekeeper]] = []
_undo: Final[list[Callable[[], None]]] = []
_lock: Final = threading.Lock()
_exempt: Final = threading.local()


def enter(guard: Gatekeeper) -> None:
    """Have a guard asked from now on."""
    with _lock:
        if not _guards:
            _undo.extend(_replacements())
        _guards.append(guard)


def leave(guard: Gatekeeper) -> None:
    """Ask a guard no longer."""
    with _lock:
        # The latest of its entries: the same guard may be entered twice.
        del _guards[len(_guards) - 1 - _guards[::-1].index(guard)]
        if not _guards:
            while _undo:
                _undo.pop()()


def _replacements() -> Iterator[Callable[[], None]]:
    """Replace everything; yield what puts each back."""
    for name, position in (("connect", 0), ("connect_ex", 0), ("sendmsg", 3)):
        if hasattr(socket.socket, name):
            yield _replace(socket.socket, name, _guarded_method(name, position))
    yield _replace(socket.socket, "sendto", _guarded_method("sendto", -1))
    # Not `gethostbyaddr`: a local server asks it for this machine's own name.
    for name in ("getaddrinfo", "gethostbyname", "gethostbyname_ex"):
        yield _replace(socket, name, _guarded_lookup(getattr(socket, name)))
    yield _replace(socket, "socketpair", _free(socket.socketpair))


def _replace(owner: Any, name: str, replacement: Any) -> Callable[[], None]:
    missing = object()
    # What a class inherits must be inherited again, not copied into it.
    own: object = owner.__dict__.get(name, missing)
    setattr(owner, name, replacement)
    if own is missing:
        return functools.partial(delattr, owner, name)
    return functools.partial(setattr, owner, name, own)


def _current() -> Gatekeeper | None:
    if getattr(_exempt, "depth", 0):
        return None
    # A slice, since another thread may leave at this moment.
    return next(iter(_guards[-1:]), None)


def _guarded_method(name: str, position: int) -> Callable[..., Any]:
    real: Callable[..., Any] = getattr(socket.socket, name)

    @functools.wraps(real)
    def guarded(self: socket.socket, *args: Any) -> Any:
        guard = _current()
        internet = self.family in (socket.AF_INET, socket.AF_INET6)
        if guard is not None and internet and len(args) > max(position, 0):
            try:
                _check(guard, args[position])
            except BaseException:  # whatever it was, the socket is closed
                # Its owner may expect nothing but an OSError. Left open, it would be a
                # ResourceWarning in whichever test is running when it is collected.
                self.close()
                raise
        return real(self, *args)

    return guarded


def _check(guard: Gatekeeper, address: object) -> None:
    parts = cast("tuple[object, ...]", address) if isinstance(address, tuple) else ()
    # Anything else is no address: the real method says so best.
    if len(parts) > 1 and isinstance(parts[1], int):
        guard.check(_text(parts[0]), parts[1])


def _guarded_lookup(real: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(real)
    def guarded(host: Any, *args: Any, **options: Any) -> Any:
        guard, name = _current(), _text(host)
        if guard is None or not name or address_of(name) is not None:
            # To read an address takes no traffic, and no host means this one.
            return real(host, *args, **options)
        guard.check(name, None)
        found = real(host, *args, **options)
        guard.learn(_addresses_in(found))
        return found

    return guarded


def _addresses_in(found: Any) -> Iterator[str]:
    """Yield the addresses in what any of the look-up functions returns."""
    if isinstance(found, str):
        yield found
    elif isinstance(found, tuple):
        yield from found[2]
    else:
        yield from (entry[4][0] for entry in found)


def _free(real: Callable[..., Any]) -> Callable[..., Any]:
    """Let a pair of sockets find each other: on Windows they do it by loopback."""

    @functools.wraps(real)
    def free(*args: Any, **options: Any) -> Any:
        with _unguarded():
            return real(*args, **options)

    return free


@contextmanager
def _unguarded() -> Generator[None, None, None]:
    _exempt.depth = getattr(_exempt, "depth", 0) + 1
    try:
        yield
    finally:
        _exempt.depth -= 1


def _text(host: object) -> str:
    if isinstance(host, bytes | bytearray):
        return bytes(host).decode("ascii", "replace")
    return host if isinstance(host, str) else ""
