"""The code on every page runs: a page's Python blocks are one file of tests.

A block that is not run says why in a comment before it; what is a file of the examples is
run as that (`test_pages.py`).
"""

from __future__ import annotations

from pathlib import Path

import pytest
from pages import pages, run_blocks

from environments import ROOT

pytestmark = pytest.mark.thorough

PAGES = [page for page in pages() if run_blocks(page)]

pytest_plugins = ["pytester"]


@pytest.mark.parametrize(
    "page", PAGES, ids=lambda path: f"{path.parent.name}-{path.stem}"
)
def test_a_page_s_code_runs(page: Path, pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_page=run_blocks(page))
    done = pytester.runpytest_subprocess(
        "-W", "error", "-o", "asyncio_mode=auto",
        "-o", "asyncio_default_fixture_loop_scope=function",
    )  # fmt: skip
    # Without a test there is code that only has to be importable.
    outcomes = set(done.parseoutcomes())
    assert outcomes <= {"passed", "skipped"}, "\n".join(done.outlines)
    assert done.ret in {pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED}


def test_the_pages_of_every_kind_are_looked_at() -> None:
    looked_at = {page.relative_to(ROOT).as_posix() for page in PAGES}
    assert {
        "README.md",
        "CONTRIBUTING.md",
        "docs/guides/http.md",
        "docs/how-to/testing.md",
        "docs/contracts/result.md",
        "packages/lexigram-testing/README.md",
    } <= looked_at
