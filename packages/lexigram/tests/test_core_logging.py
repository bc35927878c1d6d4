import asyncio
import io
import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from lexigram import Application
from lexigram.logging import (
    LoggingConfig,
    configure_logging,
    context_fields,
    get_logger,
    log_context,
)


@contextmanager
def bare_process() -> Iterator[logging.Logger]:
    """A root logger that nobody has set up; pytest's own handlers are put back."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    root.handlers.clear()
    try:
        yield root
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    captured = capsys.readouterr()
    assert captured.out == ""
    return [json.loads(line) for line in captured.err.splitlines()]


def test_fields_become_a_json_object_on_stderr(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with bare_process():
        configure_logging(LoggingConfig(format="json"))
        get_logger("shop.orders").info("order.placed", order="o1", total=3)

    (line,) = lines(capsys)
    timestamp = line.pop("timestamp")
    assert str(timestamp).endswith("Z")
    assert line == {
        "event": "order.placed",
        "level": "info",
        "logger": "shop.orders",
        "order": "o1",
        "total": 3,
    }


def test_extra_fields_of_the_standard_library_s_loggers_appear(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with bare_process():
        configure_logging(LoggingConfig(level="DEBUG", format="json"))
        logging.getLogger("lexigram.http.client").debug(
            "http.client.timeout", extra={"method": "GET"}
        )
        logging.getLogger("other").warning("plain %s", "text")

    first, second = lines(capsys)
    assert (first["event"], first["method"]) == ("http.client.timeout", "GET")
    assert second["event"] == "plain text"


def test_a_field_never_hides_what_a_line_says_of_itself(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with bare_process():
        configure_logging(LoggingConfig(format="json"))
        get_logger("shop").error("100% wrong", level="mine", name="n", message="m")

    (line,) = lines(capsys)
    assert (line["event"], line["level"], line["level_"]) == (
        "100% wrong",
        "error",
        "mine",
    )
    assert (line["name"], line["message"]) == ("n", "m")


def test_the_console_shows_event_and_fields(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with bare_process():
        configure_logging()
        get_logger("shop").warning("stock.low", left=2)

    text = capsys.readouterr().err
    assert "stock.low" in text
    assert "left=2" in text


@pytest.mark.parametrize("style", ["json", "console"])
def test_an_exception_is_shown_without_local_variables(
    style: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with bare_process():
        configure_logging(LoggingConfig.model_validate({"format": style}))
        password = "hunter" + str(2)
        try:
            Path("/nowhere/at/all").read_bytes()
        except OSError:
            get_logger("shop").exception("save.failed")

    text = capsys.readouterr().err
    assert "No such file" in text
    assert password not in text


def test_records_below_the_level_are_not_shown(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with bare_process():
        configure_logging(LoggingConfig.model_validate({"level": "error"}))
        log = get_logger("shop")
        log.debug("a")
        log.info("b")
        log.warning("c")
        log.error("d")
        log.critical("e")

    assert len(capsys.readouterr().err.splitlines()) == 2


def test_configuring_again_replaces_ours_and_leaves_other_handlers() -> None:
    with bare_process() as root:
        theirs = logging.StreamHandler(io.StringIO())
        root.addHandler(theirs)
        configure_logging()
        configure_logging(LoggingConfig(level="DEBUG"))

        assert root.handlers[0] is theirs
        assert len(root.handlers) == 2
        assert root.level == logging.DEBUG


def test_a_record_points_at_the_line_that_logged_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    get_logger("shop").error("here", a=1)

    (record,) = caplog.records
    assert record.filename == "test_core_logging.py"
    assert record.funcName == "test_a_record_points_at_the_line_that_logged_it"
    assert vars(record)["fields"] == {"a": 1}
    assert repr(get_logger("shop")) == "Logger('shop')"


async def test_an_application_sets_up_logging_as_its_section_says(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "application.yaml").write_text("logging: {format: json}\n")
    monkeypatch.setenv("LEX_LOGGING__LEVEL", "debug")

    with bare_process() as root:
        async with Application() as app:
            config = await app.resolve(LoggingConfig)
        assert root.level == logging.DEBUG

    assert config == LoggingConfig(level="DEBUG", format="json")
    assert [one["event"] for one in lines(capsys) if "lexigram" in str(one)] == [
        "application.started",
        "application.stopped",
    ]


async def test_an_application_leaves_logging_that_is_set_up_alone() -> None:
    with bare_process() as root:
        theirs = logging.StreamHandler(io.StringIO())
        root.addHandler(theirs)
        root.setLevel(logging.ERROR)

        async with Application():
            pass

        assert root.handlers == [theirs]
        assert root.level == logging.ERROR


async def test_fields_of_a_block_are_on_every_record_that_is_logged_inside(
    capsys: pytest.CaptureFixture[str],
) -> None:
    async def work() -> None:
        get_logger("shop").debug("task")

    with bare_process():
        configure_logging(LoggingConfig(level="DEBUG", format="json"))
        with log_context(order="o1", step=1):
            with log_context(step=2):
                get_logger("shop").info("inner")
                logging.getLogger("other").warning("foreign")
                await asyncio.create_task(work())
            get_logger("shop").info("own", order="mine")
        get_logger("shop").info("outside")

    fields = {
        one["event"]: (one.get("order"), one.get("step"))
        for one in lines(capsys)
        if one["logger"] in {"shop", "other"}
    }
    assert fields == {
        "inner": ("o1", 2),
        "foreign": ("o1", 2),
        "task": ("o1", 2),
        "own": ("mine", 1),
        "outside": (None, None),
    }


def test_fields_of_a_block_reach_any_handler(caplog: pytest.LogCaptureFixture) -> None:
    def fail() -> None:
        with log_context(order="o1"):
            get_logger("shop").error("first")
            raise OSError("lost")

    with pytest.raises(OSError, match="lost"):
        fail()
    get_logger("shop").error("second")
    first, second = (vars(record)["fields"] for record in caplog.records)
    assert (first, second) == ({"order": "o1"}, {})
    assert context_fields() == {}


@pytest.mark.parametrize("style", ["json", "console"])
def test_what_looks_like_a_secret_is_not_shown_at_any_depth(
    style: str, capsys: pytest.CaptureFixture[str]
) -> None:
    loop: dict[str, object] = {"password": "s3cret"}
    loop["again"] = loop
    with bare_process():
        configure_logging(LoggingConfig.model_validate({"format": style}))
        with log_context(api_key="s3cret"):
            get_logger("shop").info(
                "call",
                password="s3cret",
                url="https://me:s3cret@a.test/v1?q=s3cret",
                headers={"Authorization": "s3cret", "accept": "text/plain"},
                steps=[{"token": "s3cret"}, ("plain", {"key": "s3cret"})],
                loop=loop,
            )
        logging.getLogger("other").warning("foreign", extra={"session": "s3cret"})

    text = capsys.readouterr().err
    assert "s3cret" not in text
    assert "text/plain" in text
    assert "a.test/v1?q=***" in text


def test_names_that_only_look_like_a_secret_s_are_shown_when_asked_for(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with bare_process():
        configure_logging(
            LoggingConfig(format="json", shown=frozenset({"prompt_tokens"}))
        )
        get_logger("shop").info(
            "call", key="api.test", prompt_tokens=7, max_tokens=8, authenticated=True
        )

    (line,) = lines(capsys)
    assert (line["key"], line["prompt_tokens"]) == ("api.test", 7)
    assert (line["max_tokens"], line["authenticated"]) == ("***", True)


def test_a_disabled_call_evaluates_nothing_of_its_fields(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Loud:
        def __repr__(self) -> str:
            raise AssertionError("It was looked at.")

    logger = logging.getLogger("shop.disabled")
    log = get_logger("shop.disabled")
    logger.setLevel(logging.CRITICAL + 1)
    for method in (
        log.debug, log.info, log.warning, log.error, log.exception, log.critical,
    ):  # fmt: skip
        method("event", field=Loud())
    assert not caplog.records


def test_importing_writes_nothing_and_sets_nothing_up() -> None:
    program = (
        "import logging, lexigram.logging, lexigram.metrics, lexigram.otel, "
        "lexigram.prometheus\n"
        "lexigram.logging.get_logger('shop').error('to nowhere', a=1)\n"
        "logging.getLogger('lexigram.http').error('to nowhere')\n"
        "assert not logging.getLogger().handlers\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout == ""
