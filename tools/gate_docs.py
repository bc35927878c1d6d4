"""A step of the gate: the site is built, strictly."""

from __future__ import annotations

from typing import Final

from environments import ROOT, run

ENVIRONMENT: Final = ROOT / ".venv-docs"
"""Of its own, so that the generator is not in the one that the tests run in."""


def docs() -> None:
    """Build the site; a page that is missing or a link that leads nowhere is an error."""
    run(
        "uv", "run", "--quiet", "--locked", "--group", "docs",
        "python", ROOT / "tools" / "documentation.py",
        env={"UV_PROJECT_ENVIRONMENT": str(ENVIRONMENT)},
    )  # fmt: skip
