"""Protocols that a reader may implement: how they are used, and that a shape is enough."""

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Generic, TypeVar, Unpack, assert_type

from lexigram.contracts.health import HealthCheckProtocol, HealthReport, HealthStatus
from lexigram.contracts.resilience import (
    BulkheadProtocol,
    Call,
    CircuitBreakerProtocol,
    CircuitBreakerRegistryProtocol,
    FallbackProtocol,
    Judgement,
    RateLimiterProtocol,
    ResiliencePipelineProtocol,
    RetryPolicyProtocol,
)
from lexigram.contracts.web import (
    Headers,
    HTTPDecodeError,
    InterceptorChainProtocol,
    InterceptorProtocol,
    RequestOptions,
    ResponseStreamProtocol,
    StreamingHTTPClientProtocol,
)
from lexigram.contracts.web.streaming import (
    ResponseStream,
    Resumed,
    ServerSentEvent,
    events,
)
from lexigram.result import Result

T = TypeVar("T")


async def fetch() -> list[int]:
    return [1]


# As a caller sees them


async def a_policy_returns_what_the_operation_returns(
    retry: RetryPolicyProtocol,
    pipeline: ResiliencePipelineProtocol,
    breaker: CircuitBreakerProtocol,
    bulkhead: BulkheadProtocol,
) -> None:
    assert_type(await retry.execute(fetch), list[int])
    assert_type(await pipeline.execute(fetch), list[int])
    assert_type(await breaker.call(fetch), list[int])
    assert_type(await bulkhead.execute(fetch), list[int])


async def a_fallback_answers_with_one_type(
    fallback: FallbackProtocol[list[int]],
) -> None:
    assert_type(await fallback.execute(fetch), list[int])


async def a_limiter_says_how_long_to_wait(limiter: RateLimiterProtocol) -> None:
    await limiter.acquire("api", cost=2, timeout=1.0)
    assert_type(limiter.try_acquire("api", cost=2), float)


def a_registry_knows_breakers_by_name(breakers: CircuitBreakerRegistryProtocol) -> None:
    assert_type(breakers.get("http-default"), CircuitBreakerProtocol)


async def a_call_judges_what_its_operation_returns(retry: RetryPolicyProtocol) -> None:
    def judge(result: list[int] | None, error: BaseException | None) -> Judgement:
        return Judgement("success" if result and error is None else "failure")

    call = Call[list[int]](key="https://api.partner.test", judge=judge)
    assert_type(await retry.execute(fetch, call), list[int])


async def a_stream_is_read_in_one_of_its_forms(
    http: StreamingHTTPClientProtocol,
) -> None:
    async with http.stream("GET", "https://h/", timeout=None) as stream:
        assert_type(stream, ResponseStreamProtocol)
        assert_type(stream.status, int)
        assert_type(stream.ok, bool)
        assert_type(stream.headers, Headers)
        assert_type(stream.raise_for_status(), ResponseStreamProtocol)
        async for line in stream:
            assert_type(line, str)
        async for line in stream.lines():
            assert_type(line, str)
        async for text in stream.text():
            assert_type(text, str)
        async for chunk in stream.bytes():
            assert_type(chunk, bytes)
        async for value in stream.json_lines(int):
            assert_type(value, int)
        async for result in stream.json_lines(int, results=True):
            assert_type(result, Result[int, HTTPDecodeError])
        async for event in stream.events(end="[DONE]"):
            assert_type(event, ServerSentEvent)


async def a_source_of_events_says_where_it_was_resumed(
    http: StreamingHTTPClientProtocol,
) -> None:
    async for item in events(http, "https://h/", timeout=60.0):
        assert_type(item, ServerSentEvent | Resumed)


async def a_check_reports(check: HealthCheckProtocol) -> None:
    report = await check.check()
    assert_type(report, HealthReport)
    assert_type(report.status, HealthStatus)
    assert_type(check.critical, bool)


# As an implementer writes them


class Once:
    """A retry, a pipeline or a bulkhead of somebody's own."""

    async def execute(
        self, operation: Callable[[], Awaitable[T]], call: Call[T] | None = None
    ) -> T:
        return await operation()


class Fuse:
    """A breaker of somebody's own."""

    async def call(
        self, operation: Callable[[], Awaitable[T]], call: Call[T] | None = None
    ) -> T:
        return await operation()


class Fuses:
    """A registry that promises its own kind of breaker."""

    def get(self, name: str) -> Fuse:
        return Fuse()


class Unlimited:
    """A limiter."""

    async def acquire(
        self,
        key: str = "",
        *,
        cost: int = 1,
        timeout: float | None = None,  # noqa: ASYNC109 - the protocol's shape
    ) -> None:
        """Return at once."""

    def try_acquire(self, key: str = "", *, cost: int = 1) -> float:
        return 0.0


class Standby(Generic[T]):
    """A fallback."""

    def __init__(self, answer: T) -> None:
        self.answer = answer

    async def execute(
        self, operation: Callable[[], Awaitable[T]], call: Call[T] | None = None
    ) -> T:
        return self.answer


class Shouting(ResponseStream):
    """A stream of somebody's own, most of it as it is."""

    def lines(self, *, max_line_bytes: int = 1024) -> AsyncIterator[str]:
        return self.shouted(super().lines(max_line_bytes=max_line_bytes))

    async def shouted(self, lines: AsyncIterator[str]) -> AsyncGenerator[str, None]:
        async for line in lines:
            yield line.upper()


async def chunks() -> AsyncGenerator[bytes, None]:
    yield b"line"


class CannedClient:
    """Streams it, its block written as a generator."""

    @asynccontextmanager
    async def stream(
        self, method: str, url: str, **options: Unpack[RequestOptions]
    ) -> AsyncGenerator[Shouting, None]:
        yield Shouting(200, (), url, method, chunks())


class Pulse:
    """A health check with constants in the place of properties."""

    name = "pulse"
    critical = False

    async def check(self) -> HealthReport:
        return HealthReport("healthy", "It beats.", {"beats": 60})


class Chain:
    """What an application registers."""

    def __init__(self, *interceptors: InterceptorProtocol) -> None:
        self._interceptors = interceptors

    @property
    def interceptors(self) -> Sequence[InterceptorProtocol]:
        return self._interceptors


retry: RetryPolicyProtocol = Once()
pipeline: ResiliencePipelineProtocol = Once()
bulkhead: BulkheadProtocol = Once()
breaker: CircuitBreakerProtocol = Fuse()
breakers: CircuitBreakerRegistryProtocol = Fuses()
limiter: RateLimiterProtocol = Unlimited()
fallback: FallbackProtocol[list[int]] = Standby([1])
stream: ResponseStreamProtocol = Shouting(200, (), "https://h/", "GET", chunks())
streaming: StreamingHTTPClientProtocol = CannedClient()
health: HealthCheckProtocol = Pulse()
chain: InterceptorChainProtocol = Chain()
