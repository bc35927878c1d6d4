"""The reference of the configuration lists every key, as it is."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from config_reference import REFERENCE, Group, Key, groups, modules, page, sections

from environments import ROOT
from lexigram import Application


def every_group() -> list[Group]:
    return [
        group for name, model in sections().items() for group in groups(name, model)
    ]


def every_key() -> list[Key]:
    return [key for group in every_group() for key in group.keys]


def test_the_reference_is_not_stale() -> None:
    assert REFERENCE.read_text() == page(), "Run tools/config_reference.py --write."


def sections_in_the_source() -> Iterator[str]:
    """Yield the names that `ConfigSection(...)` is called with anywhere."""
    for file in (ROOT / "packages").glob("*/src/**/*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if (
                isinstance(node, ast.Call)
                and ast.unparse(node.func) == "ConfigSection"
                and isinstance(node.args[0], ast.Constant)
            ):
                yield str(node.args[0].value)


def test_every_section_that_a_module_reads_is_listed() -> None:
    assert set(sections_in_the_source()) == set(sections())


def test_every_key_and_every_group_says_what_it_means() -> None:
    assert [key.name for key in every_key() if not key.meaning.endswith(".")] == []
    assert [one.path for one in every_group() if not one.meaning.endswith(".")] == []


def test_every_variable_sets_its_key_and_takes_its_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    before = Application(*modules()).config
    in_force = {one.key for one in before.explain()}
    # Groups that are null by default have no keys in force; others have those alone.
    keys = [key for key in every_key() if key.name in in_force]
    for key in keys:
        if key.default is not None:
            monkeypatch.setenv(key.variable, key.default.strip('"'))

    after = Application(*modules()).config

    assert after.sections == before.sections
    assert {one.key: one.origin for one in after.explain()} == {
        key.name: f"${key.variable}" for key in keys
    }


def test_every_value_in_force_is_listed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    in_force = {one.key for one in Application(*modules()).config.explain()}

    assert in_force <= {key.name for key in every_key()}
