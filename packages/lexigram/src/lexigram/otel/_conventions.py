"""Names, units and buckets of the stable conventions for HTTP clients.

https://opentelemetry.io/docs/specs/semconv/http/
"""

from __future__ import annotations

from typing import Final

__all__ = [
    "DURATION_BUCKETS",
    "ERROR_TYPE",
    "METHOD",
    "OTHER_METHOD",
    "REQUEST_DURATION",
    "SCHEMA_URL",
    "STATUS",
    "known_method",
]

SCHEMA_URL: Final = "https://opentelemetry.io/schemas/1.37.0"

REQUEST_DURATION: Final = "http.client.request.duration"
DURATION_BUCKETS: Final = (
    0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0,
)  # fmt: skip

METHOD: Final = "http.request.method"
STATUS: Final = "http.response.status_code"
ERROR_TYPE: Final = "error.type"

OTHER_METHOD: Final = "_OTHER"

_METHODS: Final = frozenset(
    {
        "CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "QUERY",
        "TRACE",
    }
)  # fmt: skip


def known_method(method: str) -> str:
    """Return the method, or `_OTHER` for one that only few servers know."""
    return method if method in _METHODS else OTHER_METHOD
