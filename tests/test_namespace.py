"""Five distributions share one namespace, however and in whatever order they come."""

import sys
import zipfile
from itertools import combinations
from pathlib import Path

import pytest

from environments import DISTRIBUTIONS, ROOT, create, run

IMPORT_ALL = (
    "import lexigram, lexigram.result, lexigram.contracts.web, lexigram.http, "
    "lexigram.resilience, lexigram.testing, lexigram.di, lexigram.config; "
    "from lexigram import Application; print(Application.__name__)"
)
LOADS_NO_CORE = (
    "import sys, lexigram.contracts.web, lexigram.result; "
    "print(sorted(m for m in sys.modules if m.startswith("
    "('lexigram.application', 'lexigram.di', 'dishka', 'pydantic', 'aiohttp'))))"
)


def in_workspace(code: str) -> str:
    return run(sys.executable, "-P", "-c", code, cwd=ROOT / "docs").strip()


def test_the_editable_workspace_imports_every_portion() -> None:
    assert in_workspace(IMPORT_ALL) == "Application"


def test_importing_contracts_in_the_workspace_loads_neither_core_nor_libraries() -> (
    None
):
    assert in_workspace(LOADS_NO_CORE) == "[]"


def test_a_name_the_core_does_not_have_is_an_import_error() -> None:
    with pytest.raises(RuntimeError, match="ImportError: cannot import name 'Nope'"):
        in_workspace("from lexigram import Nope")


@pytest.mark.thorough
@pytest.mark.parametrize(
    "order",
    [DISTRIBUTIONS, DISTRIBUTIONS[::-1]],
    ids=["core-last", "core-first"],
)
def test_wheels_together_work_in_any_order_of_installation(
    wheels: dict[str, Path], tmp_path: Path, order: tuple[str, ...]
) -> None:
    environment = create(
        tmp_path / "env", "lexigram", wheels, own=order, extras=["all"]
    )
    assert environment.run("-c", IMPORT_ALL).strip() == "Application"
    assert environment.run("-c", LOADS_NO_CORE).strip() == "[]"


def test_contracts_alone_bring_nothing_else(
    wheels: dict[str, Path], tmp_path: Path
) -> None:
    environment = create(
        tmp_path / "env", "lexigram-contracts", wheels, own=["lexigram-contracts"]
    )
    assert environment.installed() == {"lexigram-contracts"}
    environment.run("-c", "import lexigram.contracts.web, lexigram.result")
    with pytest.raises(RuntimeError, match="No module named 'lexigram.http'"):
        environment.run("-c", "import lexigram.http")


def test_a_feature_works_where_the_core_is_absent(
    wheels: dict[str, Path], tmp_path: Path
) -> None:
    environment = create(
        tmp_path / "env",
        "lexigram-http",
        wheels,
        own=["lexigram-contracts", "lexigram-http"],
    )
    assert "lexigram" not in environment.installed()
    environment.run("-c", "from lexigram.http import HTTPClient; HTTPClient()")
    with pytest.raises(RuntimeError, match="cannot import name 'Application'"):
        environment.run("-c", "from lexigram import Application")


def contents(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return {name for name in archive.namelist() if ".dist-info/" not in name}


def test_no_two_wheels_share_a_path(wheels: dict[str, Path]) -> None:
    for one, other in combinations(wheels.values(), 2):
        assert not contents(one) & contents(other)


def test_only_the_core_ships_the_package_itself(wheels: dict[str, Path]) -> None:
    owners = [
        n for n, wheel in wheels.items() if "lexigram/__init__.py" in contents(wheel)
    ]
    assert owners == ["lexigram"]


@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
def test_a_wheel_holds_its_portion_marked_as_typed_and_nothing_beside_it(
    wheels: dict[str, Path], distribution: str
) -> None:
    files = contents(wheels[distribution])
    assert all(name.startswith("lexigram/") for name in files)
    portions = {name.split("/")[1] for name in files if name.count("/") > 1}
    typed = {name for name in files if name.endswith("py.typed")}
    expected = (
        {"lexigram/py.typed"}
        if distribution == "lexigram"
        else {f"lexigram/{portion}/py.typed" for portion in portions}
    )
    assert typed == expected
