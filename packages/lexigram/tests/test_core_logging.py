import io
import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from lexigram import Application
from lexigram.logging import LoggingConfig, configure_logging, get_logger


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
