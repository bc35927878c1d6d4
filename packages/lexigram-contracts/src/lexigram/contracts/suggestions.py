"""What a misspelt name was probably meant to be."""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["did_you_mean", "refuse_unknown"]


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return a sentence that names the nearest known name, or all when none is near.

    Example:
        >>> did_you_mean("heders", ["headers", "json"])
        "Did you mean 'headers'?"
        >>> did_you_mean("x", ["headers", "json"])
        "Known are 'headers', 'json'."
    """
    import difflib  # noqa: PLC0415 - only a mistake pays for it

    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=1)
    if near:
        return f"Did you mean {near[0]!r}?"
    return f"Known are {', '.join(map(repr, names))}." if names else "There are none."


def refuse_unknown(owner: str, given: Iterable[str], known: Iterable[str]) -> None:
    """Refuse keywords that do not exist.

    Raises:
        TypeError: As for a function that does not take them, with the nearest known one.
    """
    names = list(known)
    for name in given:
        if name not in names:
            raise TypeError(
                f"{owner} has no option {name!r}. {did_you_mean(name, names)}"
            )
