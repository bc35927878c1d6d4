"""The capture of the log."""

import asyncio
import logging
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lexigram.testing import LogCapture, LoggedEvent

log = logging.getLogger("shop.cart")
ERROR = OSError("hunter/2")


@contextmanager
def as_it_was(*names: str) -> Iterator[None]:
    """Undo what a test does to the process' logging."""
    loggers = [logging.getLogger(name) for name in names]
    before = [(one, one.level, one.disabled, one.propagate) for one in loggers]
    disabled = logging.root.manager.disable
    try:
        yield
    finally:
        logging.disable(disabled)
        for one, level, off, propagate in before:
            one.setLevel(level)
            one.disabled, one.propagate = off, propagate


def state_of(*names: str) -> list[tuple[object, ...]]:
    return [
        (one.level, one.disabled, one.propagate, list(one.handlers))
        for one in map(logging.getLogger, names)
    ] + [(logging.root.manager.disable,)]


def test_events_are_messages_with_fields() -> None:
    with LogCapture("shop") as logs:
        log.warning("cart.%s", "filled", extra={"items": 2})
        log.debug("cart.emptied", extra={"fields": {"reason": "sold"}, "items": 0})

    assert logs.events == [
        LoggedEvent("cart.filled", logging.WARNING, "shop.cart", {"items": 2}),
        LoggedEvent(
            "cart.emptied",
            logging.DEBUG,
            "shop.cart",
            {"items": 0, "reason": "sold"},
        ),
    ]
    assert [record.getMessage() for record in logs.records] == [
        "cart.filled",
        "cart.emptied",
    ]
    assert repr(logs) == "<LogCapture of 'shop', 2 records>"


def test_an_event_of_structlog_is_read_from_its_mapping() -> None:
    with LogCapture("shop") as logs:
        event = {"event": "cart.filled", "items": 2}
        log.info(event, extra={"_logger": log, "_name": "info"})

    assert logs.assert_logged("cart.filled", items=2).fields == {"items": 2}


@pytest.mark.parametrize(
    "exc_info", [True, ERROR, (OSError, ERROR, None)], ids=["true", "error", "triple"]
)
def test_the_traceback_of_an_event_of_structlog_is_read_as_well(
    exc_info: object,
) -> None:
    def fail() -> None:
        raise ERROR

    with LogCapture("shop") as logs:
        try:
            fail()
        except OSError:
            log.info({"event": "cart.lost", "exc_info": exc_info})

    event = logs.assert_logged("cart.lost")
    assert event.exc_text.endswith("OSError: hunter/2")
    assert event.fields == {}
    with pytest.raises(AssertionError, match="in the traceback of cart.lost"):
        logs.assert_no_secret("hunter/2")


def test_the_logger_of_the_kits_own_packages_is_the_default() -> None:
    with LogCapture() as logs:
        logging.getLogger("lexigram.http.client").debug("http.client.timeout")
        log.error("cart.lost")
    assert [event.name for event in logs.events] == ["http.client.timeout"]


def test_all_loggers_are_heard_through_the_root() -> None:
    with LogCapture("") as logs:
        log.debug("cart.filled")
        logging.getLogger("another").debug("else")
    assert [event.logger for event in logs.events] == ["shop.cart", "another"]


def test_only_the_block_is_captured() -> None:
    log.error("before")
    with LogCapture("shop") as logs:
        log.error("within")
    log.error("after")
    assert [event.name for event in logs.events] == ["within"]


def test_less_severe_records_than_asked_for_are_left_out() -> None:
    with LogCapture("shop", level="warning") as logs:
        log.info("cart.filled")
        log.warning("cart.full")
    assert [event.name for event in logs.events] == ["cart.full"]


def test_what_a_configuration_keeps_back_is_captured_all_the_same() -> None:
    with as_it_was("shop", "shop.cart", "shop.till"):
        logging.getLogger("shop").setLevel(logging.CRITICAL)
        log.setLevel(logging.ERROR)
        log.disabled = True
        logging.getLogger("shop.till").propagate = False
        logging.disable(logging.CRITICAL)
        before = state_of("shop", "shop.cart", "shop.till")

        with LogCapture("shop") as logs:
            log.debug("cart.filled")
            logging.getLogger("shop.till").debug("till.opened")
            logging.getLogger("shop.new").debug("new.made")

        assert state_of("shop", "shop.cart", "shop.till") == before
    names = [event.name for event in logs.events]
    assert names == ["cart.filled", "till.opened", "new.made"]


def test_handlers_of_others_are_left_alone(caplog: pytest.LogCaptureFixture) -> None:
    handlers = list(logging.root.handlers)
    with LogCapture("shop") as logs:
        assert logging.root.handlers == handlers
        log.error("cart.lost")
    assert caplog.messages == ["cart.lost"]
    logs.assert_logged("cart.lost")


def test_without_any_configuration_nothing_reaches_stderr(
    capfd: pytest.CaptureFixture[str],
) -> None:
    code = (
        "import logging\n"
        "from lexigram.testing import LogCapture\n"
        "with LogCapture('shop') as logs:\n"
        "    logging.getLogger('shop').warning('shop.burns')\n"
        "logs.assert_logged('shop.burns', level='WARNING')\n"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)
    assert capfd.readouterr().err == ""


@given(st.permutations(range(3)), st.lists(st.sampled_from([10, 20, 40]), min_size=3))
def test_however_captures_overlap_the_last_puts_everything_back(
    order: list[int], levels: list[int]
) -> None:
    with as_it_was("shop", "shop.cart"):
        log.setLevel(logging.ERROR)
        logging.disable(logging.INFO)
        before = state_of("shop", "shop.cart")
        names = ["shop", "shop.cart", "shop"]
        captures = [
            LogCapture(name, level=level).__enter__()
            for name, level in zip(names, levels, strict=False)
        ]

        for number in order:
            log.error("cart.lost", extra={"before": number})
            captures[number].__exit__(None, None, None)

        assert state_of("shop", "shop.cart") == before
    for position, number in enumerate(order):
        seen = [event.fields["before"] for event in captures[number].events]
        assert seen == order[: position + 1]


async def test_captures_of_tasks_overlap_without_disturbing_each_other() -> None:
    entered, released = asyncio.Event(), asyncio.Event()

    async def first() -> LogCapture:
        with LogCapture("shop") as logs:
            entered.set()
            await released.wait()
        return logs

    async def second() -> LogCapture:
        await entered.wait()
        with LogCapture("shop") as logs:
            released.set()
            await one
            log.debug("late")
        return logs

    before = state_of("shop")
    async with asyncio.timeout(10):
        one = asyncio.create_task(first())
        other = await second()

    assert (await one).events == []
    other.assert_logged("late")
    assert state_of("shop") == before


def test_a_capture_within_itself_is_refused() -> None:
    with LogCapture("shop") as logs, pytest.raises(RuntimeError, match="already"):
        logs.__enter__()


def test_levels_are_restored_when_the_block_fails() -> None:
    before = state_of("shop")
    with pytest.raises(OSError, match="broken"), LogCapture("shop"):
        raise OSError("broken")
    assert state_of("shop") == before


def test_what_was_captured_can_be_forgotten() -> None:
    with LogCapture("shop") as logs:
        log.error("first")
        logs.clear()
        log.error("second")
    assert [event.name for event in logs.events] == ["second"]


def logged() -> LogCapture:
    with LogCapture("shop") as logs:
        log.info("cart.filled", extra={"items": 2, "by": "ann"})
        log.warning("cart.full", extra={"items": 9})
        log.error("cart.lost", exc_info=OSError("disk"))
    return logs


def test_an_event_is_asserted_by_name_level_and_some_fields() -> None:
    logs = logged()
    assert logs.assert_logged("cart.filled", items=2).fields["by"] == "ann"
    assert logs.assert_logged("cart.full", level=logging.WARNING).name == "cart.full"
    lost = logs.assert_logged("cart.lost", level="error")
    assert lost.exc_text == "OSError: disk"


def test_the_expected_field_is_on_the_left_of_the_comparison() -> None:
    class Any3:
        def __eq__(self, other: object) -> bool:
            return isinstance(other, int)

        __hash__ = None  # type: ignore[assignment]  # compares in its own way

    logged().assert_logged("cart.filled", items=Any3())


LISTING = (
    "The log:\n"
    "  INFO cart.filled items=2 by='ann'\n"
    "  WARNING cart.full items=9\n"
    "  ERROR cart.lost [OSError: disk]"
)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        (
            "cart.fulll",
            {},
            f"cart.fulll was not logged. Did you mean 'cart.full'? {LISTING}",
        ),
        (
            "cart.full",
            {"items": 2, "level": "WARNING"},
            f"WARNING cart.full items=2 was not logged. {LISTING}",
        ),
        ("cart.full", {"level": 10}, f"DEBUG cart.full was not logged. {LISTING}"),
    ],
)
def test_a_failure_lists_what_was_logged(
    name: str, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(AssertionError) as caught:
        logged().assert_logged(name, **options)
    assert str(caught.value) == message


def test_an_empty_log_is_called_so() -> None:
    with LogCapture("shop") as logs:
        pass
    with pytest.raises(AssertionError) as caught:
        logs.assert_logged("cart.full")
    assert str(caught.value) == (
        "cart.full was not logged. Nothing was, by 'shop' or a logger below it."
    )


def test_a_long_log_is_shortened() -> None:
    with LogCapture("shop") as logs:
        for number in range(100):
            log.info("tick", extra={"number": number})
    with pytest.raises(AssertionError, match="number=29\n  … and 70 more.$"):
        logs.assert_logged("tock")


def test_what_must_not_be_logged_is_asserted_in_the_same_way() -> None:
    logs = logged()
    logs.assert_not_logged("cart.burnt")
    logs.assert_not_logged("cart.full", items=2)
    logs.assert_not_logged("cart.full", level="ERROR")
    with pytest.raises(AssertionError) as caught:
        logs.assert_not_logged("cart.full", items=9)
    assert str(caught.value) == f"cart.full items=9 was logged. {LISTING}"


def test_a_level_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ValueError, match="level='loud' is no level"):
        logged().assert_logged("cart.full", level="loud")


class Account:
    def __init__(self, password: str) -> None:
        self.password = password

    def __repr__(self) -> str:
        return f"Account({self.password!r})"


@pytest.mark.parametrize(
    ("message", "extra", "place"),
    [
        ("login with hunter/2", {}, "the message"),
        ("login", {"url": "https://ann:hunter/2@shop.test"}, "field 'url'"),
        ("login", {"url": "https://shop.test?pw=hunter%2F2"}, "field 'url'"),
        ("login", {"data": [{"deep": (b"hunter/2",)}]}, "field 'data'"),
        ("login", {"data": {"hunter/2": 1}}, "field 'data'"),
        ("login", {"account": Account("hunter/2")}, "field 'account'"),
        ("login", {"error": OSError("hunter/2")}, "field 'error'"),
        ("login", {"hunter/2": True}, "a field's name"),
    ],
)
def test_a_secret_is_found_wherever_it_is_and_not_repeated(
    message: str, extra: dict[str, Any], place: str
) -> None:
    with LogCapture("shop") as logs:
        log.info(message, extra=extra)
    with pytest.raises(AssertionError) as caught:
        logs.assert_no_secret("unused", "hunter/2")
    text = str(caught.value)
    assert text.startswith("The log holds a secret:\n  secret 2 of 2 in ")
    assert place in text
    assert "hunter" not in text


def test_a_secret_in_a_traceback_is_found() -> None:
    with LogCapture("shop") as logs:
        log.error("login.failed", exc_info=OSError("cannot log in with hunter/2"))
    with pytest.raises(AssertionError) as caught:
        logs.assert_no_secret("hunter/2")
    assert str(caught.value) == (
        "The log holds a secret:\n"
        "  secret 1 of 1 in the traceback of login.failed (shop.cart)"
    )


def test_a_log_without_the_secrets_passes() -> None:
    logged().assert_no_secret("hunter/2", "s3cret")


@pytest.mark.parametrize("secrets", [(), ("",), ("ok", "")])
def test_there_must_be_a_secret_to_search_for(secrets: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="nothing to search for"):
        logged().assert_no_secret(*secrets)


def test_fields_are_read_when_they_are_logged() -> None:
    items = {"a": 1}
    with LogCapture("shop") as logs:
        log.info("cart.%s", items)
        items.clear()
    assert logs.events[0].name == "cart.{'a': 1}"
