"""Targets: what is read from files and the environment."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from fuzzing.text import expect, text_of

from lexigram.config import ConfigError
from lexigram.config._loading import load
from lexigram.contracts.di import ConfigSection
from lexigram.http import HTTPClientConfig
from lexigram.logging import LoggingConfig
from lexigram.resilience import ResilienceConfig
from lexigram.testing import CassetteFileError
from lexigram.testing._cassettes.fileformat import dump_cassette, parse_cassette

_SECTIONS: Final[tuple[tuple[ConfigSection[Any], str], ...]] = (
    (ConfigSection("http", HTTPClientConfig), "fuzz"),
    (ConfigSection("resilience", ResilienceConfig), "fuzz"),
    (ConfigSection("logging", LoggingConfig), "fuzz"),
)
_SPLIT: Final = b"\n=== environment\n"
_CANARY: Final = "c4nary-s3cret"


def config(data: bytes) -> None:
    """A file and an environment make a configuration, or one `ConfigError`.

    Lines behind the separator are variables. A value that stands for the password of a
    proxy is planted beside them, and must not be told by the error.
    """
    content, _, lines = data.partition(_SPLIT)
    variables = dict(_variables(text_of(lines)))
    variables.setdefault("LEX_HTTP__PROXY", f"http://u:{_CANARY}@proxy.test:x")
    with tempfile.TemporaryDirectory() as folder, _environment(variables):
        file = Path(folder, "application.yaml")
        file.write_bytes(content)
        try:
            configuration = load(_SECTIONS, file)
        except ConfigError as error:
            expect(_CANARY not in str(error), f"the password is in {error!s}")
            return
        for section, _ in _SECTIONS:
            shown = str(configuration.explain(section.name))
            expect(_CANARY not in shown, f"the password is in {shown}")


def _variables(text: str) -> Iterator[tuple[str, str]]:
    for line in text.splitlines():
        name, equals, value = line.partition("=")
        # One that names a file would have whatever is at that place read.
        names_file = name.upper().endswith("_FILE") and "/" in value
        if equals and name.isascii() and name.isidentifier() and not names_file:
            yield f"LEX_HTTP__{name}".upper(), value.replace("\0", "")


@contextmanager
def _environment(variables: dict[str, str]) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.update(variables)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def cassette(data: bytes) -> None:
    """A file is a cassette that is written as it was read, or a `CassetteFileError`."""
    path = Path("any.json")
    try:
        interactions = parse_cassette(data, path)
    except CassetteFileError as error:
        expect(error.path == path, "the error names another file")
        return
    written = dump_cassette(interactions)
    again = dump_cassette(parse_cassette(written, path))
    expect(again == written, f"written twice: {written!r} and {again!r}")
