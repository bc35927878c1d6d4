"""The five move on their own, and a bound that did not follow is noticed."""

import shutil
from pathlib import Path

import pytest
from gate_versions import Project, projects, wrong_bounds
from hypothesis import given
from hypothesis import strategies as st
from packaging.requirements import Requirement
from packaging.version import Version

from environments import DISTRIBUTIONS, ROOT

DEPENDENTS = sorted(set(DISTRIBUTIONS) - {"lexigram-contracts"})


@pytest.fixture
def packages(tmp_path: Path) -> Path:
    """Return a copy of the five project files."""
    for name in DISTRIBUTIONS:
        (tmp_path / name).mkdir()
        shutil.copy(ROOT / "packages" / name / "pyproject.toml", tmp_path / name)
    return tmp_path


def set_version(packages: Path, name: str, version: Version) -> None:
    path = packages / name / "pyproject.toml"
    (current,) = [p.version for p in projects(packages) if p.name == name]
    before = path.read_text()
    after = before.replace(f'\nversion = "{current}"', f'\nversion = "{version}"')
    assert after != before
    path.write_text(after)


def next_patch(version: Version) -> Version:
    return Version(f"{version.major}.{version.minor}.{version.micro + 1}")


def version_of(packages: Path, name: str) -> Version:
    (found,) = [p.version for p in projects(packages) if p.name == name]
    return found


def test_the_bounds_fit_the_present_versions() -> None:
    assert list(wrong_bounds(projects())) == []
    assert {project.name for project in projects()} == set(DISTRIBUTIONS)


def test_an_incompatible_release_of_the_contracts_is_noticed_for_all_that_depend(
    packages: Path,
) -> None:
    major = version_of(packages, "lexigram-contracts").major + 1
    set_version(packages, "lexigram-contracts", Version(f"{major}.0.0"))
    wrong = list(wrong_bounds(projects(packages)))
    assert sorted(message.partition(" ")[0] for message in wrong) == DEPENDENTS
    assert all(f"lexigram-contracts is {major}.0.0 here" in text for text in wrong)


def test_an_incompatible_release_of_a_feature_is_noticed_for_every_extra(
    packages: Path,
) -> None:
    major = version_of(packages, "lexigram-http").major + 1
    set_version(packages, "lexigram-http", Version(f"{major}.0.0"))
    core, kit = sorted(wrong_bounds(projects(packages)))
    assert core.startswith("lexigram ")
    assert "packages/lexigram/pyproject.toml" in core
    assert kit.startswith("lexigram-testing ")
    assert "packages/lexigram-testing/pyproject.toml" in kit


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_a_patch_of_one_distribution_needs_no_change_elsewhere(
    packages: Path, name: str
) -> None:
    set_version(packages, name, next_patch(version_of(packages, name)))
    assert list(wrong_bounds(projects(packages))) == []


def test_a_bound_without_a_cap_is_noticed(packages: Path) -> None:
    path = packages / "lexigram-resilience" / "pyproject.toml"
    text = path.read_text()
    assert "lexigram-contracts>=1.0,<2" in text
    path.write_text(text.replace("lexigram-contracts>=1.0,<2", "lexigram-contracts>=1"))
    (wrong,) = wrong_bounds(projects(packages))
    assert "a version nobody has tested with" in wrong


@given(major=st.integers(1, 9), minor=st.integers(0, 9), floor=st.integers(0, 9))
def test_a_bound_fits_exactly_from_its_floor_to_the_next_major(
    major: int, minor: int, floor: int
) -> None:
    used = Project("used", Version(f"{major}.{minor}"), ())
    bound = Requirement(f"used>={major}.{floor},<{major + 1}")
    user = Project("user", Version("1.0"), (bound,))
    assert (list(wrong_bounds([used, user])) == []) is (minor >= floor)
