"""Does an implementation do what its contract says? One list of behaviours, three doors.

Subclass a suite (`HTTPClientConformance`), parametrize a test over the list
(`http_client_behaviours`), or call a function that needs no test runner
(`check_http_client`); so for every contract. Behaviours carry the version of
lexigram-contracts that asked for them first, and only those up to the `version` you say
are tried: an upgrade never breaks your tests.

Whether two implementations behave alike, a fake and the real one first of all, is what
`assert_equivalent` says.
"""

from lexigram.testing.conformance._backend import (
    Backend,
    BackendFactory,
    ClientFactory,
    StreamingClientFactory,
    WiredBackend,
    other_origin,
    refuse,
)
from lexigram.testing.conformance._behaviour import Behaviour, Capability
from lexigram.testing.conformance._bulkhead import (
    BulkheadConformance,
    bulkhead_behaviours,
    check_bulkhead,
)
from lexigram.testing.conformance._circuit_breaker import (
    CircuitBreakerConformance,
    check_circuit_breaker,
    circuit_breaker_behaviours,
)
from lexigram.testing.conformance._fallback import (
    FallbackConformance,
    check_fallback,
    fallback_behaviours,
)
from lexigram.testing.conformance._http_client import (
    HTTPClientConformance,
    check_http_client,
    http_client_behaviours,
)
from lexigram.testing.conformance._http_streaming import (
    HTTPStreamingConformance,
    check_http_streaming,
    http_streaming_behaviours,
)
from lexigram.testing.conformance._idempotency_store import (
    IdempotencyStoreConformance,
    check_idempotency_store,
    idempotency_store_behaviours,
)
from lexigram.testing.conformance._implements import assert_implements
from lexigram.testing.conformance._metrics_recorder import (
    MetricsRecorderConformance,
    check_metrics_recorder,
    metrics_recorder_behaviours,
)
from lexigram.testing.conformance._pipeline import (
    PipelineConformance,
    check_pipeline,
    pipeline_behaviours,
)
from lexigram.testing.conformance._policies.breaking import BreakerFactory
from lexigram.testing.conformance._policies.bulkheading import BulkheadFactory
from lexigram.testing.conformance._policies.claiming import IdempotencyStoreFactory
from lexigram.testing.conformance._policies.falling_back import FallbackFactory
from lexigram.testing.conformance._policies.limiting import LimiterFactory
from lexigram.testing.conformance._policies.pipelines import PipelineFactory
from lexigram.testing.conformance._policies.recording import MetricsFactory
from lexigram.testing.conformance._policies.retrying import RetryFactory
from lexigram.testing.conformance._rate_limiter import (
    RateLimiterConformance,
    check_rate_limiter,
    rate_limiter_behaviours,
)
from lexigram.testing.conformance._report import (
    ConformanceError,
    ConformanceReport,
    Verdict,
)
from lexigram.testing.conformance._retry_policy import (
    RetryPolicyConformance,
    check_retry_policy,
    retry_policy_behaviours,
)
from lexigram.testing.conformance._twins.comparing import (
    WIRE_ONLY,
    Scenario,
    Twin,
    assert_equivalent,
)

__all__ = [
    "WIRE_ONLY",
    "Backend",
    "BackendFactory",
    "Behaviour",
    "BreakerFactory",
    "BulkheadConformance",
    "BulkheadFactory",
    "Capability",
    "CircuitBreakerConformance",
    "ClientFactory",
    "ConformanceError",
    "ConformanceReport",
    "FallbackConformance",
    "FallbackFactory",
    "HTTPClientConformance",
    "HTTPStreamingConformance",
    "IdempotencyStoreConformance",
    "IdempotencyStoreFactory",
    "LimiterFactory",
    "MetricsFactory",
    "MetricsRecorderConformance",
    "PipelineConformance",
    "PipelineFactory",
    "RateLimiterConformance",
    "RetryFactory",
    "RetryPolicyConformance",
    "Scenario",
    "StreamingClientFactory",
    "Twin",
    "Verdict",
    "WiredBackend",
    "assert_equivalent",
    "assert_implements",
    "bulkhead_behaviours",
    "check_bulkhead",
    "check_circuit_breaker",
    "check_fallback",
    "check_http_client",
    "check_http_streaming",
    "check_idempotency_store",
    "check_metrics_recorder",
    "check_pipeline",
    "check_rate_limiter",
    "check_retry_policy",
    "circuit_breaker_behaviours",
    "fallback_behaviours",
    "http_client_behaviours",
    "http_streaming_behaviours",
    "idempotency_store_behaviours",
    "metrics_recorder_behaviours",
    "other_origin",
    "pipeline_behaviours",
    "rate_limiter_behaviours",
    "refuse",
    "retry_policy_behaviours",
]
