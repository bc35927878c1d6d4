"""What a client does that was told nothing."""

from __future__ import annotations

from typing import Final

__all__ = ["MAX_REDIRECTS", "MAX_RESPONSE_BYTES", "TIMEOUT"]

TIMEOUT: Final = 30.0
"""Seconds for a whole call."""

MAX_REDIRECTS: Final = 10
"""Most redirects of one call."""

MAX_RESPONSE_BYTES: Final = 32 * 1024 * 1024
"""Largest decoded body that is accepted, in bytes."""
