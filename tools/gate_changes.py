"""The step about change logs: one per distribution, put together from fragments."""

from __future__ import annotations

import sys

from gate_versions import projects

from environments import DISTRIBUTIONS, ROOT, run

START = "<!-- towncrier release notes start -->"
KINDS = ("added", "changed", "fixed", "removed")


def changes() -> None:
    """Render each distribution's change log as its next release would have it."""
    for project in projects():
        folder = ROOT / "packages" / project.name
        if START not in (folder / "CHANGELOG.md").read_text():
            raise RuntimeError(
                f"packages/{project.name}/CHANGELOG.md has no line {START!r}, below "
                "which releases are put. Add it."
            )
        drafted = run(
            sys.executable, "-m", "towncrier", "build", "--draft",
            "--version", str(project.version), "--dir", folder,
        )  # fmt: skip
        fragments = [
            path
            for path in (folder / "changes").iterdir()
            if not path.name.startswith(".")
        ]
        # A draft leaves out, without a word, what it takes for another kind of file.
        for path in fragments:
            text = " ".join(path.read_text().split())
            if text not in " ".join(drafted.split()):
                raise RuntimeError(
                    f"{path.relative_to(ROOT)} is not in the draft. A fragment is named "
                    f"`+name.kind.md`; the kinds are {', '.join(KINDS)}."
                )
        print(f"    {project.name}: {len(fragments)} fragments")
    if {project.name for project in projects()} != set(DISTRIBUTIONS):
        raise RuntimeError("A distribution is missing from `tools/environments.py`.")
