"""The verdict on a cassette at the end of a test."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from lexigram.testing._cassettes.errors import CassetteVerificationError, Drift
from lexigram.testing._cassettes.interactions import Interaction

__all__ = ["cassette_verdict"]


def cassette_verdict(
    path: Path,
    failures: Sequence[BaseException],
    drift: Sequence[Drift],
    *,
    unused: Sequence[Interaction],
    among: Sequence[Interaction],
) -> CassetteVerificationError | None:
    """Return everything that is wrong in one error, or None when nothing is.

    Args:
        path: The file.
        failures: What was raised within calls.
        drift: Where live answers have another shape.
        unused: The interactions that nobody asked for.
        among: All interactions, in the order of the file.
    """
    if not failures and not unused and not drift:
        return None
    parts = [f"The cassette '{path}' and the test differ."]
    parts += [str(failure) for failure in failures]
    if drift:
        lines = [f"  {found}" for found in drift]
        parts.append("\n".join(["Live answers have another shape:", *lines]))
    if unused:
        parts.append(_unused_text(unused, among))
    return CassetteVerificationError(
        "\n\n".join(parts), failures, unused=unused, drift=drift
    )


def _unused_text(unused: Sequence[Interaction], among: Sequence[Interaction]) -> str:
    advice = (
        'To drop them, record again with mode="record_all"; to allow them, open it '
        'with strict="unmatched_only".'
    )
    lines = [
        f"  #{number} {interaction.name()}"
        for number, interaction in enumerate(among, 1)
        if interaction in unused
    ]
    return "\n".join(["Recorded interactions that nobody asked for:", *lines, advice])
