"""Every import contract fails for the breach it is there for, and for no other."""

import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path

import pytest

from environments import ROOT

pytestmark = pytest.mark.thorough

CONFIGURATION = ROOT / "pyproject.toml"
CONTRACTS = [
    contract["name"]
    for contract in tomllib.loads(CONFIGURATION.read_text())["tool"]["importlinter"][
        "contracts"
    ]
]

# One module, or two that form a cycle, added to an otherwise correct copy.
BREACHES: dict[str, Mapping[str, str]] = {
    "Contracts import nothing but the standard library and each other": {
        "contracts/breach.py": "import pydantic"
    },
    "Features do not know each other": {
        "http/breach.py": "import lexigram.resilience",
    },
    "Features do not know the core": {"resilience/breach.py": "import lexigram.config"},
    "The core names no feature": {"di/breach.py": "import lexigram.testing"},
    "Only one module knows the client of the shared store": {
        "resilience/breach.py": "import redis"
    },
    "Only the pool and the attempt know aiohttp": {"http/breach.py": "import aiohttp"},
    "No import cycle within a portion": {
        "testing/breach.py": "import lexigram.testing.accomplice",
        "testing/accomplice.py": "import lexigram.testing.breach",
    },
}


def copy_of(wheels: Mapping[str, Path], folder: Path) -> Path:
    """Return a folder with the five wheels merged, as an installation merges them."""
    for wheel in wheels.values():
        shutil.unpack_archive(wheel, folder, "zip")
    return folder


def broken_contracts(folder: Path) -> set[str]:
    """Run lint-imports over the packages in a folder; return what it says is broken."""
    done = subprocess.run(
        [
            Path(sys.executable).with_name("lint-imports"),
            "--no-cache",
            "--config",
            CONFIGURATION,
        ],
        cwd=folder,
        # Before the editable packages, which `sys.path` also holds.
        env={"PYTHONPATH": str(folder), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )
    counted = re.search(r"Contracts: (\d+) kept, (\d+) broken\.", done.stdout)
    assert counted, done.stdout + done.stderr
    broken = set(re.findall(r"^(.+) BROKEN\b", done.stdout, re.MULTILINE))
    assert len(broken) == int(counted[2]), done.stdout
    assert sum(map(int, counted.groups())) == len(CONTRACTS)
    return broken


def test_every_contract_has_a_breach() -> None:
    assert set(BREACHES) == set(CONTRACTS)


def test_the_packages_as_they_are_keep_every_contract(
    wheels: dict[str, Path], tmp_path: Path
) -> None:
    assert broken_contracts(copy_of(wheels, tmp_path)) == set()


@pytest.mark.parametrize("contract", BREACHES)
def test_a_forbidden_import_breaks_its_contract_and_no_other(
    wheels: dict[str, Path], tmp_path: Path, contract: str
) -> None:
    folder = copy_of(wheels, tmp_path)
    for path, code in BREACHES[contract].items():
        (folder / "lexigram" / path).write_text(f"{code}\n")
    assert broken_contracts(folder) == {contract}
