"""What every test of the kit's own pytest plugin needs."""

import pytest

import lexigram.testing

# `pytester` forgets each module that a run in this process was the first to import. The
# next run would import it again, and its classes would be others than those still held.
for _name in lexigram.testing.__all__:
    getattr(lexigram.testing, _name)


@pytest.fixture
def pytester(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> pytest.Pytester:
    """Runs pytest as at a desk: where `CI` is set, its summary repeats whole messages."""
    for name in ("CI", "BUILD_NUMBER"):
        monkeypatch.delenv(name, raising=False)
    return pytester
