"""What one exchange is made with, beside the request itself."""

from __future__ import annotations

import ssl
from typing import NamedTuple

from lexigram.contracts.web import Timeouts
from lexigram.contracts.web.calling import BodyLimits
from lexigram.http.proxy import Proxy


class AttemptPlan(NamedTuple):
    """How one attempt is made."""

    limits: BodyLimits
    """How much of a body is accepted."""
    timeouts: Timeouts
    """How long the attempt and its parts may take."""
    proxy: Proxy | None = None
    """The proxy to go through."""
    tls: ssl.SSLContext | None = None
    """Speaks TLS in place of the pool's own."""

    def through(self, proxy: Proxy) -> AttemptPlan:
        """Return the same plan for the way through a proxy."""
        return self._replace(proxy=proxy)
