from __future__ import annotations

import logging

import pytest

from lexigram.resilience._events.events import Event, LateResult
from lexigram.resilience._events.listeners import Events

EVENT = LateResult("billing", "https://a.test:443")


def test_every_listener_is_told_in_order() -> None:
    told: list[tuple[str, Event]] = []
    events = Events([lambda event: told.append(("first", event))])
    events.add(lambda event: told.append(("second", event)))
    events.tell(EVENT)
    assert told == [("first", EVENT), ("second", EVENT)]


def test_a_removed_listener_is_told_no_more() -> None:
    told: list[Event] = []
    events = Events([told.append])
    events.remove(told.append)
    events.remove(told.append)
    assert events.listeners == ()


def test_a_listener_that_raises_is_logged_and_the_others_are_told(
    caplog: pytest.LogCaptureFixture,
) -> None:
    told: list[Event] = []

    def broken(event: Event) -> None:
        raise ValueError(event.name)

    events = Events([broken, told.append])
    with caplog.at_level(logging.WARNING):
        events.tell(EVENT)
        events.tell(EVENT)
    assert told == [EVENT, EVENT]
    assert [record.message for record in caplog.records] == [
        "resilience.listener_failed"
    ]
    assert caplog.records[0].exc_info is not None


def test_a_listener_may_remove_itself_while_it_is_told() -> None:
    told: list[Event] = []
    events = Events()

    def once(event: Event) -> None:
        events.remove(once)
        told.append(event)

    events.add(once)
    events.add(told.append)
    events.tell(EVENT)
    events.tell(EVENT)
    assert told == [EVENT] * 3
