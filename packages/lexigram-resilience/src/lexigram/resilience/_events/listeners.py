"""Telling whoever listens.

With nobody there, an event costs the look at an empty tuple and is not even made:
`if events.listeners: events.tell(...)`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import TypeAlias

from lexigram.resilience._events.events import Event

__all__ = ["Events", "Listener"]

Listener: TypeAlias = Callable[[Event], None]
"""Called on the event loop's thread in the middle of a call: it must not block."""

_log = logging.getLogger("lexigram.resilience.events")


class Events:
    """The listeners of some policies.

    A listener that raises changes nothing for the call: it is logged, the first time
    with its traceback, and told of the next event like any other.

    Args:
        listeners: Who listens from the beginning.

    Attributes:
        listeners: Who listens now, in the order they were added.

    Example:
        ```python
        events = Events([print])
        pipeline = ResiliencePipeline.from_config(events=events)
        invoice = await pipeline.execute(fetch_invoice)
        ```
    """

    __slots__ = ("_complained", "listeners")

    def __init__(self, listeners: Iterable[Listener] = ()) -> None:
        self.listeners: tuple[Listener, ...] = tuple(listeners)
        self._complained: set[int] = set()

    def add(self, listener: Listener) -> None:
        """Tell this one too, from the next event on."""
        self.listeners = (*self.listeners, listener)

    def remove(self, listener: Listener) -> None:
        """Tell this one no more; nothing when it is not there."""
        self.listeners = tuple(each for each in self.listeners if each != listener)

    def tell(self, event: Event) -> None:
        """Call every listener, in the order they were added."""
        for listener in self.listeners:
            try:
                listener(event)
            except Exception:  # noqa: BLE001 - telling must not change the call
                self._complain(listener, event)

    def _complain(self, listener: Listener, event: Event) -> None:
        first = id(listener) not in self._complained
        self._complained.add(id(listener))
        _log.log(
            logging.WARNING if first else logging.DEBUG,
            "resilience.listener_failed",
            exc_info=first,
            extra={"listener": repr(listener), "event": event.name},
        )
