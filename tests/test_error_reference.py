"""Every public exception is in the reference of errors."""

import inspect
from importlib import import_module

import pytest

from environments import ROOT

MODULES = (
    "lexigram.application",
    "lexigram.config",
    "lexigram.contracts.resilience",
    "lexigram.contracts.web",
    "lexigram.di",
    "lexigram.http",
    "lexigram.resilience",
    "lexigram.result",
    "lexigram.testing",
    "lexigram.testing.conformance",
)
PAGES = "".join(
    (ROOT / "docs" / "reference" / name).read_text(encoding="utf-8")
    for name in ("errors.md", "other-errors.md")
)


@pytest.mark.parametrize("name", MODULES)
def test_the_reference_names_every_public_exception(name: str) -> None:
    module = import_module(name)
    exceptions = {
        each
        for each in module.__all__
        if inspect.isclass(found := getattr(module, each))
        and issubclass(found, BaseException)
    }
    assert {each for each in exceptions if f"`{each}`" not in PAGES} == set()


def test_the_reference_says_what_to_do_about_each_failure_of_a_call() -> None:
    page = (ROOT / "docs" / "reference" / "errors.md").read_text(encoding="utf-8")
    classes, advice = (
        {
            line.split("`")[1]
            for line in page.partition(f"\n## {title}\n")[2]
            .partition("\n## ")[0]
            .splitlines()
            if line.startswith("| `")
        }
        for title in ("The classes", "What to do")
    )
    assert classes == advice != set()
