"""The package as it is imported."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

import lexigram.testing


def test_every_public_name_is_there() -> None:
    for name in lexigram.testing.__all__:
        assert getattr(lexigram.testing, name) is not None
        assert name in dir(lexigram.testing)


def test_a_name_that_does_not_exist_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="'Nope'"):
        _ = lexigram.testing.Nope  # type: ignore[attr-defined]


def test_importing_it_loads_nothing_else() -> None:
    code = (
        "import sys, lexigram.testing\n"
        "loaded = {m for m in sys.modules if m.startswith(('lexigram.', 'asyncio'))}\n"
        "assert loaded == {'lexigram.testing'}, loaded"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_it_needs_the_contracts_only() -> None:
    code = (
        "import sys, lexigram.testing as t\n"
        "[getattr(t, name) for name in t.__all__]\n"
        "third = {'aiohttp', 'pydantic', 'pytest'} & set(sys.modules)\n"
        "parts = {m.split('.')[1] for m in sys.modules if m.startswith('lexigram.')}\n"
        "assert not third and parts == {'contracts', 'result', 'testing'}, parts"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


README = Path(__file__).parents[1] / "README.md"
EXAMPLES = re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)


@pytest.mark.parametrize("code", EXAMPLES)
def test_the_examples_of_the_readme_run(code: str) -> None:
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)
