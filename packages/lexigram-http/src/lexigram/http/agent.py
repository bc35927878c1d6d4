"""How the client introduces itself to servers."""

from __future__ import annotations

from functools import cache


@cache
def user_agent() -> tuple[str, str]:
    """Return the field `User-Agent` (RFC 9110, section 10.1.5) with our version."""
    # Not with the module: finding versions takes longer to import than the client's code.
    from importlib.metadata import version  # noqa: PLC0415

    return ("User-Agent", f"lexigram-http/{version('lexigram-http')}")
