"""One recorded exchange, and which of its headers change by themselves."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from lexigram.contracts.redaction import redact_url
from lexigram.contracts.web import Headers, HTTPClientError, HttpResponse
from lexigram.testing._calls.requests import RecordedRequest
from lexigram.testing._cassettes.raised import error_from_json, error_to_json

__all__ = ["VOLATILE_HEADERS", "Interaction", "lasting", "same_apart_from_noise"]

VOLATILE_HEADERS: Final = frozenset(
    {
        # When, how long, and in how many bytes.
        "age",
        "content-length",
        "date",
        "server-timing",
        "x-response-time",
        "x-runtime",
        "x-timer",
        # Which call it was.
        "baggage",
        "idempotency-key",
        "request-id",
        "traceparent",
        "tracestate",
        "x-amz-cf-id",
        "x-amz-id-2",
        "x-amz-request-id",
        "x-amzn-requestid",
        "x-amzn-trace-id",
        "x-b3-spanid",
        "x-b3-traceid",
        "x-cloud-trace-context",
        "x-correlation-id",
        "x-github-request-id",
        "x-request-id",
        "x-trace-id",
        # Which machine sent it, over which connection.
        "alt-svc",
        "cf-cache-status",
        "cf-ray",
        "connection",
        "keep-alive",
        "nel",
        "report-to",
        "server",
        "transfer-encoding",
        "user-agent",
        "via",
        "x-cache",
        "x-cache-hits",
        "x-served-by",
        # What is left of a quota.
        "ratelimit-remaining",
        "ratelimit-reset",
        "x-ratelimit-remaining",
        "x-ratelimit-reset",
        "x-ratelimit-used",
    }
)
"""Headers, in lower case, that differ from one recording to the next.

They are recorded, since code may read them. But they are no drift for "verify", and a
new recording that differs in nothing else leaves the file as it is.
"""


_NEW_EACH_TIME: Final = frozenset({"etag", "expires", "last-modified", "retry-after"})
"""Headers whose presence means something, and whose value changes by itself."""


@dataclass(frozen=True, slots=True, eq=False)
class Interaction:
    """A request and what became of it, redacted."""

    request: RecordedRequest
    """What was asked."""
    outcome: HttpResponse | HTTPClientError
    """The response, or the failure of the transport."""

    def outcome_for(self, request: RecordedRequest) -> HttpResponse | HTTPClientError:
        """Return the outcome, new, as the one of this request.

        New each time, so that what a caller does to its answer stays its own. The URL
        is that of the request unless it was another one when it was recorded.
        """
        outcome = self.outcome
        if isinstance(outcome, HTTPClientError):
            return error_from_json(error_to_json(outcome, self.request), request)
        return HttpResponse(
            outcome.status,
            request.url if outcome.url == self.request.url else outcome.url,
            outcome.method,
            outcome.headers,
            outcome.body,
            charset=outcome.charset,
            attempts=outcome.attempts,
        )

    def name(self) -> str:
        """Return method and redacted URL."""
        return f"{self.request.method} {redact_url(self.request.url)}"

    def __repr__(self) -> str:
        outcome = self.outcome
        shown = (
            str(outcome.status)
            if isinstance(outcome, HttpResponse)
            else type(outcome).__name__
        )
        return f"<Interaction {self.name()} -> {shown}>"


def lasting(headers: Headers) -> Iterable[tuple[str, str]]:
    """Return the fields that do not change by themselves, names in lower case."""
    for name, value in headers.pairs:
        key = name.lower()
        if key not in VOLATILE_HEADERS:
            yield key, "" if key in _NEW_EACH_TIME else value


def same_apart_from_noise(old: Interaction, new: Interaction) -> bool:
    """Say whether a new recording tells nothing new."""
    return _gist(old) == _gist(new)


def _gist(interaction: Interaction) -> tuple[object, ...]:
    request, outcome = interaction.request, interaction.outcome
    asked = request.method, request.url, sorted(lasting(request.headers)), request.body
    if isinstance(outcome, HttpResponse):
        headers = sorted(lasting(outcome.headers))
        return *asked, outcome.status, outcome.url, headers, outcome.body
    return *asked, error_to_json(outcome, request)
