"""Steps about versions: of ours among each other, and the lowest ones of others."""

from __future__ import annotations

import tempfile
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import Requirement
from packaging.version import Version

from environments import (
    DISTRIBUTIONS,
    OWN,
    ROOT,
    Environment,
    build_wheels,
    interpreter,
    run,
    side_by_side,
)

PACKAGES = ROOT / "packages"
OLDEST_PYTHON = "3.11"


@dataclass(frozen=True)
class Project:
    """What one distribution says of itself and asks of others."""

    name: str
    version: Version
    requirements: tuple[Requirement, ...]


def projects(packages: Path = PACKAGES) -> list[Project]:
    """Read every distribution below a folder, in the order of its names."""
    found: list[Project] = []
    for path in sorted(packages.glob("*/pyproject.toml")):
        table = tomllib.loads(path.read_text())["project"]
        optional = table.get("optional-dependencies", {}).values()
        wanted = [*table.get("dependencies", []), *(r for rs in optional for r in rs)]
        found.append(
            Project(
                table["name"],
                Version(table["version"]),
                tuple(Requirement(text) for text in wanted),
            )
        )
    return found


def wrong_bounds(members: Sequence[Project]) -> Iterator[str]:
    """Say which bounds on our own distributions do not fit the present versions."""
    versions = {member.name: member.version for member in members}
    for member in members:
        for wanted in member.requirements:
            # An extra that gathers others, as `all` does, names its own distribution.
            if wanted.name not in versions or wanted.name == member.name:
                continue
            version = versions[wanted.name]
            if not wanted.specifier.contains(version, prereleases=True):
                yield (
                    f"{member.name} {member.version} asks for `{wanted}`, but "
                    f"{wanted.name} is {version} here. Test with it, then move the "
                    f"bound in packages/{member.name}/pyproject.toml."
                )
            incompatible = Version(f"{version.major + 1}.0.0")
            if wanted.specifier.contains(incompatible):
                yield (
                    f"{member.name} {member.version} asks for `{wanted}`, which admits "
                    f"{incompatible}, a version nobody has tested with. Add "
                    f"`<{incompatible.major}`."
                )


def bounds() -> None:
    """Compare the bounds of the five on each other with their present versions."""
    # uv takes workspace members as they are, whatever the bounds between them say.
    if wrong := list(wrong_bounds(projects())):
        raise RuntimeError("\n".join(wrong))


def floors() -> None:
    """Run each distribution's tests with the lowest versions it declares (network)."""
    with tempfile.TemporaryDirectory() as folder:
        wheels = build_wheels(Path(folder) / "dist")

        def low(name: str) -> None:
            lowest = at_the_floor(Path(folder) / name, name, wheels)
            lowest.run(
                "-m", "pytest", "-q", "-c", ROOT / "pyproject.toml",
                PACKAGES / name / "tests",
            )  # fmt: skip

        side_by_side(low, DISTRIBUTIONS)


def at_the_floor(path: Path, name: str, wheels: dict[str, Path]) -> Environment:
    """Create an environment with the lowest versions that a distribution declares.

    Args:
        path: Where.
        name: The distribution; its test group is installed as well.
        wheels: As `build_wheels` returns them.
    """
    path.mkdir()
    # Distributions of our names exist on the public index: each of the five can only
    # be its wheel, whoever asks for it.
    ours = path / "ours.txt"
    ours.write_text("".join(f"{n} @ {w.as_uri()}\n" for n, w in wheels.items()))
    environment = Environment(path / "env")
    run(
        "uv",
        "venv",
        "--quiet",
        "--python",
        interpreter(OLDEST_PYTHON),
        environment.path,
    )
    declared = PACKAGES / name / "pyproject.toml"
    run(
        "uv", "pip", "install", "--quiet", "--python", environment.python,
        "--no-sources", "--resolution", "lowest-direct", "--constraints", ours,
        # A wheel's requirements are not direct ones; those of a project file are.
        "--requirements", declared, "--group", f"{declared}:test",
        *(wheels[own] for own in OWN[name]),
    )  # fmt: skip
    run("uv", "pip", "check", "--python", environment.python)
    return environment
