"""What the HTTP client's pages list is complete, and is what the code does."""

import inspect
import pkgutil
import re
from collections.abc import Iterator
from dataclasses import fields
from importlib import import_module
from typing import Any, get_args

import pytest
import yaml
from error_table import REFERENCE, with_table
from pydantic import BaseModel

import lexigram.http
from environments import ROOT
from lexigram.contracts.web import (
    ConnectionFailure,
    HTTPClientError,
    HttpResponse,
    HTTPStatusError,
    HTTPTimeoutError,
    RequestOptions,
    TimeoutPhase,
    Timeouts,
    TLSReason,
    build_failure,
)
from lexigram.contracts.web.calling import judge
from lexigram.http import ConnectionPoolConfig, HTTPClientConfig, TLSConfig
from lexigram.http.pool.statistics import PoolStatistics
from lexigram.http.tls_failures import _PASSING

GUIDE = (ROOT / "docs" / "guides" / "http.md").read_text()
ERRORS = REFERENCE.read_text()

UNITS = {"": 1, "s": 1, "KiB": 1024, "MiB": 1024 * 1024}

FIELDS: dict[str, dict[str, Any]] = {
    "HTTPConnectionError": {"failure": "dns"},
    "HTTPTimeoutError": {"phase": "read", "limit": 1.0},
    "HTTPResponseTooLargeError": {"limit": 1},
    "HTTPTooManyRedirectsError": {"limit": 1},
    "HTTPDecodeError": {"content_type": ""},
    "HTTPLineDecodeError": {"line": 1, "content_type": ""},
    "HTTPRetryExhaustedError": {"last": HTTPClientError("")},
    "PaginationError": {"reason": "loop"},
    "DownloadError": {"reason": "checksum"},
}
"""What an error cannot be made without."""


def rows(document: str, heading: str, table: int = 0) -> dict[str, list[str]]:
    """Return a table below a heading: the cells of each row, by the first."""
    below = re.split(
        r"^##+ ", document.partition(f"# {heading}\n")[2], flags=re.MULTILINE
    )[0]
    found = re.findall(r"(?:^\|.*\n)+", below, re.MULTILINE)[table]
    cells = (
        re.split(r" ?\| ", line.removeprefix("| ").removesuffix(" |"))
        for line in found.splitlines()[2:]
    )
    return {first: others for first, *others in cells}


def names(text: str) -> list[str]:
    """Return what stands in backticks."""
    return re.findall(r"`([^`]+)`", text)


def first_names(table: dict[str, list[str]]) -> list[str]:
    return [name for cell in table for name in names(cell)]


def classes() -> Iterator[type[HTTPClientError]]:
    for found in pkgutil.walk_packages(lexigram.http.__path__, "lexigram.http."):
        import_module(found.name)

    def below(cls: type[HTTPClientError]) -> Iterator[type[HTTPClientError]]:
        for subclass in cls.__subclasses__():
            yield subclass
            yield from below(subclass)

    for cls in below(HTTPClientError):
        if cls.__module__.startswith(("lexigram.contracts.", "lexigram.http.")):
            yield cls


CLASSES = sorted(set(classes()), key=lambda cls: cls.__name__)
ROWS = rows(ERRORS, "The classes")


def made(cls: type[HTTPClientError], **facts: Any) -> HTTPClientError:
    if issubclass(cls, HTTPStatusError):
        return cls(HttpResponse(503))
    return cls("", **{**FIELDS.get(cls.__name__, {}), **facts})


def test_the_reference_shows_the_faults_as_the_client_s_test_has_them() -> None:
    assert with_table(ERRORS) == ERRORS, "Run tools/error_table.py --write."


def test_every_class_is_in_the_reference() -> None:
    assert first_names(ROWS) == list(dict.fromkeys(first_names(ROWS)))
    assert set(first_names(ROWS)) == {cls.__name__ for cls in CLASSES}


@pytest.mark.parametrize("cls", CLASSES)
def test_the_row_of_a_class_is_true(cls: type[HTTPClientError]) -> None:
    code, _when, own, sent, verbs, repeated = ROWS[f"`{cls.__name__}`"]
    assert names(code) == [cls.code]
    described = inspect.cleandoc(cls.__doc__ or "").partition("Attributes:\n")[2]
    assert set(names(own)) == set(re.findall(r"^ {4}(\w+):", described, re.MULTILINE))

    error = made(cls)
    assert set(names(own)) <= vars(error).keys()
    if sent == "no":  # what nobody knows before is said in words
        assert error.request_sent == "no"

    assert verbs.startswith("raise it") == _raised(error, "raise")
    assert (verbs == "raise it") == _raised(error, "return")

    # Of a status it is the response that is judged, and none of its errors.
    response = HttpResponse(503) if cls is HTTPStatusError else None
    judged = judge(response, None if response else made(cls, retryable=True))
    assert repeated.startswith("if ") == judged.retryable


def _raised(error: HTTPClientError, infrastructure: Any) -> bool:
    try:
        build_failure(error, infrastructure=infrastructure)
    except HTTPClientError:
        return True
    return False


def test_every_phase_of_a_timeout_is_explained_and_repeated_as_it_says() -> None:
    assert first_names(rows(ERRORS, "What the fields say", 2)) == list(
        get_args(TimeoutPhase)
    )
    repeated = ROWS["`HTTPTimeoutError`"][-1]
    assert set(re.findall(r'"(\w+)"', repeated)) == {
        phase
        for phase in get_args(TimeoutPhase)
        if judge(None, HTTPTimeoutError("", phase=phase, limit=1.0)).retryable
    }


def test_every_failure_of_a_connection_is_explained() -> None:
    table = rows(ERRORS, "What the fields say", 0)
    assert first_names(table) == list(get_args(ConnectionFailure))


def test_every_reason_of_tls_is_explained_with_whether_it_may_pass() -> None:
    table = rows(ERRORS, "What the fields say", 1)
    assert first_names(table) == list(get_args(TLSReason))
    lasting = {name for name in get_args(TLSReason) if name not in _PASSING}
    assert lasting == {names(cell)[0] for cell, row in table.items() if row[1] == "no"}


def test_the_guide_names_every_option_of_a_call() -> None:
    table = rows(GUIDE, "Options of a call")
    assert first_names(table) == list(RequestOptions.__annotations__)


@pytest.mark.parametrize(
    ("heading", "model"),
    [
        ("The settings of a client", HTTPClientConfig),
        ("The settings of the pool", ConnectionPoolConfig),
        ("The settings of TLS", TLSConfig),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_the_guide_names_every_setting_with_its_default(
    heading: str, model: type[BaseModel]
) -> None:
    table = rows(GUIDE, heading)
    assert first_names(table) == list(model.model_fields)
    for name, field in model.model_fields.items():
        default = table[f"`{name}`"][0]
        if isinstance(field.default, bool):
            assert default == str(field.default).lower()
        elif isinstance(field.default, str):
            assert default == field.default
        elif isinstance(field.default, frozenset):
            assert set(map(int, default.split(", "))) == field.default
        elif field.default in (None, {}, ()):
            assert default == "none"
        elif isinstance(field.default, int | float):
            number, _, unit = default.partition(" ")
            assert float(number) * UNITS[unit] == field.default


def test_the_guide_names_every_limit_of_time_and_every_figure_of_the_pool() -> None:
    limits = first_names(rows(GUIDE, "Limits of time"))
    assert limits == [field.name for field in fields(Timeouts)]
    figures = first_names(rows(GUIDE, "Statistics and warming up"))
    assert figures == [field.name for field in fields(PoolStatistics)]


def test_the_guide_says_where_each_limit_of_time_is_set_and_its_default() -> None:
    configured = HTTPClientConfig().pool.timeouts()
    for cell, (_, setting, default) in rows(GUIDE, "Limits of time").items():
        (limit,), (path,) = names(cell), names(setting)
        seconds = None if default == "none" else float(default.removesuffix(" s"))
        assert getattr(configured, limit) == seconds
        field = path.removeprefix("pool.")
        changed = ConnectionPoolConfig.model_validate({field: 7.0})
        assert getattr(changed.timeouts(), limit) == 7.0


@pytest.mark.parametrize("block", re.findall(r"```yaml\n(.*?)```", GUIDE, re.DOTALL))
def test_the_guide_s_sections_are_valid(block: str) -> None:
    sections = yaml.safe_load(block)
    assert sections
    for section in sections.values():
        HTTPClientConfig.model_validate(section)
