"""Environments that hold some of the distributions and nothing else.

Shared by the gate and by the tests of the namespace and of the three ways to install.
Our own wheels are built here and installed without an index: distributions of the same
names exist on the public one. Third-party packages come from the lock file, out of the
cache that `uv sync` filled, so that no network is needed.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DISTRIBUTIONS = (
    "lexigram-contracts",
    "lexigram-http",
    "lexigram-resilience",
    "lexigram-testing",
    "lexigram",
)

# What stands in each environment: the distribution, what it depends on of ours, and
# what its tests are written with.
OWN = {
    "lexigram-contracts": ("lexigram-contracts",),
    "lexigram-http": ("lexigram-contracts", "lexigram-testing", "lexigram-http"),
    "lexigram-resilience": (
        "lexigram-contracts",
        "lexigram-testing",
        "lexigram-resilience",
    ),
    "lexigram-testing": ("lexigram-contracts", "lexigram-testing"),
    "lexigram": ("lexigram-contracts", "lexigram"),
}


def run(
    *command: str | Path, cwd: Path = ROOT, env: dict[str, str] | None = None
) -> str:
    """Run a command and return what it printed; its failure shows all of that."""
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=_clean_environment() | (env or {}),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        shown = " ".join(str(part) for part in command)
        raise RuntimeError(f"{shown} exited with {done.returncode}:\n{done.stdout}")
    return done.stdout


def build_wheels(target: Path, packages: Path = ROOT / "packages") -> dict[str, Path]:
    """Build one wheel per distribution into `target`, by its name."""
    wheels: dict[str, Path] = {}
    for name in DISTRIBUTIONS:
        run(
            sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", target,
            cwd=packages / name,
        )  # fmt: skip
        (wheels[name],) = target.glob(f"{name.replace('-', '_')}-*.whl")
    return wheels


@dataclass(frozen=True)
class Environment:
    """A virtual environment of its own."""

    path: Path

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.path / "bin" / "python"

    def run(self, *arguments: str | Path, cwd: Path | None = None) -> str:
        """Run its interpreter, blind to everything around it."""
        return run(self.python, "-P", *arguments, cwd=cwd or self.path)

    def installed(self) -> set[str]:
        """Return the names of the distributions in it."""
        listed = run("uv", "pip", "list", "--python", self.python, "--format", "freeze")
        return {line.partition("==")[0] for line in listed.splitlines() if "==" in line}


def create(
    path: Path,
    package: str,
    wheels: dict[str, Path],
    *,
    own: Sequence[str],
    extras: Sequence[str] = (),
    groups: Sequence[str] = (),
    python: str = sys.executable,
) -> Environment:
    """Create an environment with the wheels of `own` and what `package` depends on.

    Args:
        path: Where.
        package: The distribution whose declared dependencies are installed.
        wheels: As `build_wheels` returns them.
        own: Which of our distributions; in the order of their installation.
        extras: Optional dependencies of `package`.
        groups: Dependency groups of `package`.
        python: The interpreter, or its version.
    """
    run("uv", "venv", "--quiet", "--python", python, path)
    options = [f"--extra={extra}" for extra in extras]
    options += [f"--group={group}" for group in groups]
    run(
        "uv", "sync", "--quiet", "--locked", "--offline", "--no-install-workspace",
        "--no-default-groups", "--package", package, *options,
        env={"UV_PROJECT_ENVIRONMENT": str(path), "UV_PYTHON": python},
    )  # fmt: skip
    environment = Environment(path)
    for name in own:
        run(
            "uv", "pip", "install", "--quiet", "--offline", "--no-index", "--no-deps",
            "--python", environment.python, wheels[name],
        )  # fmt: skip
    run("uv", "pip", "check", "--python", environment.python)
    return environment


def interpreter(version: str) -> str:
    """Return the path of a Python of this version: uv's find, else pyenv's."""
    found = subprocess.run(
        ["uv", "python", "find", "--no-project", "--no-python-downloads", version],  # noqa: S607
        capture_output=True,
        text=True,
        check=False,
    )
    if found.returncode == 0:
        return found.stdout.strip()
    if shutil.which("pyenv"):
        installed = run("pyenv", "latest", version).strip()
        return str(Path(run("pyenv", "prefix", installed).strip()) / "bin" / "python")
    raise RuntimeError(
        f"There is no Python {version} here. Install it with `uv python install {version}`."
    )


def _clean_environment() -> dict[str, str]:
    """Return the environment without what points at the one that runs this."""
    ours = ("VIRTUAL_ENV", "UV_", "PYTHON", "LEX_")
    kept = {k: v for k, v in os.environ.items() if not k.startswith(ours)}
    cache = os.environ.get("UV_CACHE_DIR")
    return kept | ({"UV_CACHE_DIR": cache} if cache else {})


def side_by_side(work: Callable[[str], None], names: Iterable[str]) -> None:
    """Do the same work for several distributions, as many at once as there are cores.

    Raises:
        RuntimeError: It failed for some; says for which, and how.
    """
    failures: list[str] = []
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        jobs = {name: pool.submit(work, name) for name in names}
        for name, job in jobs.items():
            try:
                job.result()
            except RuntimeError as error:
                failures.append(f"{name}: {error}")
            else:
                print(f"    {name}: passed", flush=True)
    if failures:
        raise RuntimeError("\n".join(failures))
