"""What a client does that was told nothing."""

from __future__ import annotations

from typing import Final

__all__ = [
    "CONNECT_TIMEOUT",
    "MAX_ERROR_BYTES",
    "MAX_REDIRECTS",
    "MAX_RESPONSE_BYTES",
    "STREAM_IDLE_TIMEOUT",
    "TIMEOUT",
]

TIMEOUT: Final = 30.0
"""Seconds for a whole call."""

CONNECT_TIMEOUT: Final = 10.0
"""Seconds for opening a connection."""

STREAM_IDLE_TIMEOUT: Final = 60.0
"""Seconds of silence that are borne of a stream."""

MAX_REDIRECTS: Final = 10
"""Most redirects of one call."""

MAX_RESPONSE_BYTES: Final = 32 * 1024 * 1024
"""Largest body that is accepted, as received and decoded, in bytes."""

MAX_ERROR_BYTES: Final = 64 * 1024
"""What is kept of the body of an error, in bytes."""
