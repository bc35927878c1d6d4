"""All targets, by their names, and where inputs are kept that once meant something."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from fuzzing.exchanges import response
from fuzzing.files import cassette, config
from fuzzing.streams import lines, sse
from fuzzing.text import Target
from fuzzing.urls import headers, joining, no_proxy, usable

CORPUS: Final = Path(__file__).with_name("corpus")
"""A folder for each target, a file for each input."""

TARGETS: Final[dict[str, Target]] = {
    target.__name__: target
    for target in (
        response, joining, usable, headers, no_proxy, sse, lines, config, cassette,
    )
}  # fmt: skip


def kept(target: str) -> list[Path]:
    """Return the inputs that are kept for a target."""
    return sorted((CORPUS / target).iterdir())
