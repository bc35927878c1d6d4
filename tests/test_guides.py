"""The code in the guides and some READMEs runs: a page's Python blocks are one file."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
GUIDES = [
    *sorted((ROOT / "docs" / "guides").glob("*.md")),
    ROOT / "packages" / "lexigram-testing" / "README.md",
    ROOT / "packages" / "lexigram-resilience" / "README.md",
]
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.DOTALL | re.MULTILINE)

pytest_plugins = ["pytester"]


@pytest.mark.parametrize(
    "guide", GUIDES, ids=lambda path: f"{path.parent.name}-{path.stem}"
)
def test_a_guide_s_code_runs(guide: Path, pytester: pytest.Pytester) -> None:
    code = "\n\n".join(BLOCK.findall(guide.read_text()))
    pytester.makepyfile(code)
    done = pytester.runpytest_subprocess(
        "-W", "error", "-o", "asyncio_mode=auto",
        "-o", "asyncio_default_fixture_loop_scope=function",
    )  # fmt: skip
    outcomes = done.parseoutcomes()
    assert set(outcomes) == {"passed"}, "\n".join(done.outlines)
