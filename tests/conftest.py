"""What the tests of several distributions share: the wheels, built once."""

from pathlib import Path

import pytest

from environments import build_wheels


@pytest.fixture(scope="session")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Return one freshly built wheel per distribution, by its name."""
    return build_wheels(tmp_path_factory.mktemp("dist"))
