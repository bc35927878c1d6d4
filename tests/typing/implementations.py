"""Every protocol of the contracts, satisfied by what the distributions ship.

One annotated assignment for each: the runner looks for them by the names of the
protocols, so that none is added to the contracts without its proof.
"""

from collections.abc import AsyncGenerator, Callable

from lexigram import Application
from lexigram.contracts.clock import ClockProtocol, SystemClock
from lexigram.contracts.di import ContainerProtocol
from lexigram.contracts.health import HealthCheckProtocol
from lexigram.contracts.metrics import MetricsRecorderProtocol
from lexigram.contracts.resilience import (
    BulkheadProtocol,
    CircuitBreakerProtocol,
    CircuitBreakerRegistryProtocol,
    FallbackProtocol,
    IdempotencyStoreProtocol,
    RateLimiterProtocol,
    ResiliencePipelineProtocol,
    RetryPolicyProtocol,
)
from lexigram.contracts.timers import Limit
from lexigram.contracts.web import (
    AroundInterceptorProtocol,
    HTTPClientProtocol,
    InterceptorChainProtocol,
    InterceptorProtocol,
    RequestContext,
    ResponseContext,
    ResponseStreamProtocol,
    StreamingHTTPClientProtocol,
)
from lexigram.contracts.web.calling import Deadline, OpenBody
from lexigram.contracts.web.streaming import ResponseStream
from lexigram.http import AccessToken, HTTPClient, InterceptorChain, TokenRefresh
from lexigram.http.attempt.exchange import Exchange
from lexigram.resilience import (
    Bulkhead,
    CircuitBreaker,
    CircuitBreakerRegistry,
    Fallback,
    MemoryIdempotencyStore,
    OrderedPipeline,
    RateLimiter,
    ResiliencePipeline,
    RetryPolicy,
)
from lexigram.resilience.watching import CircuitHealthCheck
from lexigram.testing import FakeHTTPClient, InMemoryMetrics

# By instance, and by class: what `bind(Protocol).to(Class)` takes.
real_client: HTTPClientProtocol = HTTPClient()
fake_client: HTTPClientProtocol = FakeHTTPClient()
clients: list[Callable[[], HTTPClientProtocol]] = [HTTPClient, FakeHTTPClient]


async def chunks() -> AsyncGenerator[bytes, None]:
    yield b"line"


real_streams: StreamingHTTPClientProtocol = HTTPClient()
fake_streams: StreamingHTTPClientProtocol = FakeHTTPClient()
stream: ResponseStreamProtocol = ResponseStream(200, (), "https://h/", "GET", chunks())


def an_exchange_is_a_body_on_its_way(exchange: Exchange) -> OpenBody:
    body: OpenBody = exchange
    return body


retry: RetryPolicyProtocol = RetryPolicy()
breaker: CircuitBreakerProtocol = CircuitBreaker("upstream")
breakers: CircuitBreakerRegistryProtocol = CircuitBreakerRegistry()
pipeline: ResiliencePipelineProtocol = ResiliencePipeline.from_config()
ordered: ResiliencePipelineProtocol = OrderedPipeline(retry, breaker)
bulkhead: BulkheadProtocol = Bulkhead()
limiter: RateLimiterProtocol = RateLimiter()
fallback: FallbackProtocol[str] = Fallback.value("EUR")
health: HealthCheckProtocol = CircuitHealthCheck(breakers)
# The client asks for either; the two protocols have one shape.
retry_as_pipeline: ResiliencePipelineProtocol = retry

metrics: MetricsRecorderProtocol = InMemoryMetrics()
clock: ClockProtocol = SystemClock()
limit: Limit = Deadline(1.0)
container: ContainerProtocol = Application()
keys: IdempotencyStoreProtocol = MemoryIdempotencyStore()


class Structural:
    """An interceptor by its shape."""

    async def intercept_request(self, context: RequestContext, /) -> RequestContext:
        return context

    async def intercept_response(self, response: ResponseContext, /) -> ResponseContext:
        return response


class OneMethod(InterceptorProtocol):
    """An interceptor by inheritance; the other method passes through."""

    async def intercept_request(self, context: RequestContext, /) -> RequestContext:
        return context


async def fetch_token() -> AccessToken:
    return AccessToken("secret")


structural: InterceptorProtocol = Structural()
around: AroundInterceptorProtocol = TokenRefresh(fetch_token, origin="https://api.test")
chain: InterceptorChainProtocol = InterceptorChain(structural, around)
one_method: InterceptorProtocol = OneMethod()


# And where they meet: the client's parameters.
wired = HTTPClient(
    retry_policy=RetryPolicy(),
    circuit_breaker=CircuitBreaker("upstream"),
    resilience=ResiliencePipeline(retry=RetryPolicy()),
    interceptors=[Structural(), OneMethod()],
    metrics=InMemoryMetrics(),
    clock=SystemClock(),
)
