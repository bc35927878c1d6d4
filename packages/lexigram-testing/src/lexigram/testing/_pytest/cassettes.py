"""The cassette of a test."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

from lexigram.testing._cassettes.cassette import Cassette, RecordMode
from lexigram.testing._cassettes.errors import CassetteFileError, SecretInCassette
from lexigram.testing._pytest.marker import strictness_of
from lexigram.testing._pytest.watch import Watch

__all__ = ["cassette_of", "cassette_path"]

# What some file system refuses in a name.
_UNUSABLE: Final = re.compile(r'[\x00-\x1f<>:"/\\|?*]')
_LONGEST: Final = 100


@contextmanager
def cassette_of(item: pytest.Item, watch: Watch) -> Generator[Cassette]:
    """Give a test its cassette, and write it when the test recorded."""
    mode: RecordMode = item.config.option.lexigram_http_record
    try:
        # Lenient, because the plugin verifies it, at the end of the test.
        cassette = Cassette.open(cassette_path(item), mode=mode, strict="lenient")
    except CassetteFileError as error:
        advice = "With pytest, that is --http-record=record_missing."
        pytest.fail(f"{error}\n{advice}", pytrace=False)
    with watch.over("http_cassette", cassette, strictness_of(item)):
        yield cassette
    if watch.passed:  # half a test must not replace a whole recording
        _save(cassette)


def _save(cassette: Cassette) -> None:
    try:
        cassette.save()
    except SecretInCassette as error:
        pytest.fail(str(error), pytrace=False)


def cassette_path(item: pytest.Item) -> Path:
    """Return `cassettes/<module>/<test>.json` beside the test's file.

    A test in a class has the class in front: "TestBilling.test_refund.json". A name that
    cannot be a file's gets a digest, so that two of them never share a cassette.
    """
    classes = [node.name for node in item.listchain() if isinstance(node, pytest.Class)]
    name = ".".join([*classes, item.name])
    usable = _UNUSABLE.sub("-", name)[:_LONGEST]
    if usable != name:
        usable += f"-{hashlib.sha256(name.encode()).hexdigest()[:8]}"
    return item.path.parent / "cassettes" / item.path.stem / f"{usable}.json"
