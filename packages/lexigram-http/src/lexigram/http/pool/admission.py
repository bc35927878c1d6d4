"""Who may hold a connection: so many in total and per host, first come first served."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Hashable
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
            self._hand_over()

    def close(self) -> None:
        """Turn away who waits, and who comes."""
        self._closed = True
        for queue in self._queues.values():
            for _, waiter in queue:
                if not waiter.done():
                    waiter.set_exception(PoolClosedError())
        self._queues.clear()

    def _hand_over(self) -> None:
        """Give a free place to the first in line among the hosts that are not full."""
        first: tuple[int, Hashable] | None = None
        for host in list(self._queues):
            ticket = self._first_ticket(host)
            if ticket is None or self._taken_by_host.get(host, 0) >= self._per_host:
                continue
            if first is None or ticket < first[0]:
                first = (ticket, host)
        if first is not None:
            _, waiter = self._queues[first[1]].popleft()
            self.enter(first[1])
            waiter.set_result(None)

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
