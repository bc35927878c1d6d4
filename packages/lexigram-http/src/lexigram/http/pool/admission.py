"""Who may hold a connection: so many in total and per host, first come first served."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Hashable
from heapq import heappop, heappush
from itertools import count
from typing import TypeAlias


class PoolClosedError(Exception):
    """The pool was closed while somebody waited for a place in it."""


_Waiter: TypeAlias = tuple[int, asyncio.Future[None]]


class Admission:
    """Hands out places; whoever gives one back hands it to who waits the longest.

    A place goes from hand to hand: nobody who comes later finds it free in between. Who
    waits for a host that is full holds nobody up who wants another one.

    Args:
        total: How many places there are.
        per_host: How many of them one host may have.

    Attributes:
        taken: How many places are taken.
        waiting: How many callers wait for one.
    """

    def __init__(self, total: int, per_host: int) -> None:
        self.taken: int = 0
        self.waiting: int = 0
        self._total = total
        self._per_host = per_host
        self._taken_by_host: dict[Hashable, int] = {}
        self._queues: dict[Hashable, deque[_Waiter]] = {}
        # The first in line for each host that is not full, a heap by ticket: to look at
        # every host instead takes too long where thousands are called. Who gave up, or
        # whose host has become full, is found out when it is their turn.
        self._next: list[tuple[int, Hashable]] = []
        self._lined_up: set[Hashable] = set()
        self._tickets = count()
        self._closed = False

    def enter(self, host: Hashable) -> bool:
        """Take a place if there is one; whoever gets one must `leave`."""
        taken = self._taken_by_host.get(host, 0)
        if self.taken >= self._total or taken >= self._per_host or self._closed:
            return False
        self.taken += 1
        self._taken_by_host[host] = taken + 1
        return True

    def is_wanted(self, host: Hashable) -> bool:
        """Say whether somebody waits for a place for this host."""
        return bool(self._queues) and self._first_ticket(host) is not None

    async def wait(self, host: Hashable) -> None:
        """Wait for a place; cancellation gives up the wait, or the place.

        Raises:
            PoolClosedError: There will be none.
        """
        if self._closed:
            raise PoolClosedError
        waiter = asyncio.get_running_loop().create_future()
        self._queues.setdefault(host, deque()).append((next(self._tickets), waiter))
        self._line_up(host)
        self.waiting += 1
        try:
            await waiter
        except asyncio.CancelledError:
            # In the moment of the cancellation a place may have been handed over, or the
            # pool closed.
            if not waiter.cancelled() and waiter.exception() is None:
                self.leave(host)
            raise
        finally:
            self.waiting -= 1

    def leave(self, host: Hashable) -> None:
        """Give a place back."""
        self.taken -= 1
        left = self._taken_by_host[host] - 1
        if left:
            self._taken_by_host[host] = left
        else:
            del self._taken_by_host[host]
        if self._queues:
            self._line_up(host)  # it may have been full
            self._hand_over()

    def close(self) -> None:
        """Turn away who waits, and who comes."""
        self._closed = True
        for queue in self._queues.values():
            for _, waiter in queue:
                if not waiter.done():
                    waiter.set_exception(PoolClosedError())
        self._queues.clear()
        self._next.clear()
        self._lined_up.clear()

    def _line_up(self, host: Hashable) -> None:
        """Let the first who waits for a host be considered, unless it is full."""
        if host in self._lined_up or self._is_full(host):
            return
        ticket = self._first_ticket(host)
        if ticket is not None:
            heappush(self._next, (ticket, host))
            self._lined_up.add(host)

    def _hand_over(self) -> None:
        """Give a free place to the first in line among the hosts that are not full."""
        while self._next and self.taken < self._total:
            ticket, host = heappop(self._next)
            self._lined_up.discard(host)
            if self._first_ticket(host) == ticket and self.enter(host):
                _, waiter = self._queues[host].popleft()
                waiter.set_result(None)
            self._line_up(host)

    def _is_full(self, host: Hashable) -> bool:
        return self._taken_by_host.get(host, 0) >= self._per_host

    def _first_ticket(self, host: Hashable) -> int | None:
        queue = self._queues.get(host)
        if queue is None:
            return None
        while queue and queue[0][1].done():  # gave up
            queue.popleft()
        if not queue:
            del self._queues[host]
            return None
        return queue[0][0]
