"""The behaviours of limiters, bulkheads and fallbacks, and some that lack one of them."""

import asyncio
from collections import defaultdict, deque
from collections.abc import Callable
from typing import Any

import pytest

from lexigram.contracts.clock import ClockProtocol
from lexigram.contracts.resilience import BulkheadFullError, Call, RateLimitedError
from lexigram.testing.conformance import (
    BulkheadConformance,
    ConformanceError,
    FallbackConformance,
    RateLimiterConformance,
    bulkhead_behaviours,
    check_bulkhead,
    check_fallback,
    check_rate_limiter,
    fallback_behaviours,
    rate_limiter_behaviours,
)


class Bucket:
    """Five tokens, and another one each fifth of a second."""

    size = 5.0
    leak = False

    def __init__(self, now: float) -> None:
        self.tokens, self.since = self.size, now
        self.line: list[Any] = []

    def wait(self, now: float, cost: int) -> float:
        self.tokens += (now - self.since) * 5
        if not self.leak:
            self.tokens = min(5.0, self.tokens)
        self.since = now
        return max(0.0, (cost - self.tokens) / 5)

    def take(self, now: float, cost: int) -> float:
        wait = self.wait(now, cost)
        if wait > 1e-9:
            return wait
        self.tokens -= cost
        return 0.0

    def put_back(self, cost: int) -> None:
        self.tokens += cost


class Window(Bucket):
    """Five permits in any second, which come back together."""

    def __init__(self, now: float) -> None:
        super().__init__(now)
        self.taken: deque[float] = deque()

    def wait(self, now: float, cost: int) -> float:
        while self.taken and self.taken[0] <= now - 1.0 + 1e-9:
            self.taken.popleft()
        free = 5 - len(self.taken)
        if cost <= free:
            return 0.0
        last = self.taken[min(cost - free, len(self.taken)) - 1]
        return last + 1.0 - now + max(0, (cost - 1) // 5)

    def take(self, now: float, cost: int) -> float:
        wait = self.wait(now, cost)
        if not wait:
            self.taken.extend([now] * cost)
        return wait


class Limiter:
    """A bucket for each key, and a line before it. Correct; its subclasses are not."""

    bucket: type[Bucket] = Bucket
    by_key = True
    costs = True
    checks = True
    greedy = False
    says_key = True
    in_line = True
    refunds = True
    swallows = False
    late_refusal = False
    counts_line = True
    ignores_timeout = False
    refuses_all = False
    delay = 0.0

    def __init__(self, clock: ClockProtocol) -> None:
        self.clock = clock
        self.buckets: dict[str, Bucket] = {}

    def of(self, key: str) -> Bucket:
        key = key if self.by_key else ""
        return self.buckets.setdefault(key, self.bucket(self.clock.monotonic()))

    def price(self, cost: int) -> int:
        if cost > 5 and self.checks:
            raise ValueError(cost)
        return cost if self.costs else 1

    def try_acquire(self, key: str = "", *, cost: int = 1) -> float:
        bucket, cost = self.of(key), self.price(cost)
        wait = bucket.take(self.clock.monotonic(), cost)
        if wait and self.greedy:
            bucket.put_back(-cost)
        return wait

    async def acquire(
        self,
        key: str = "",
        *,
        cost: int = 1,
        timeout: Any = None,  # noqa: ASYNC109 - the protocol's
    ) -> None:
        bucket, cost = self.of(key), self.price(cost)
        now = self.clock.monotonic()
        place = (object(), cost)
        before = sum(other for _, other in bucket.line) if self.counts_line else 0
        wait = bucket.wait(now, before + cost)
        if self.refuses_all and wait:
            timeout = 0.0
        if timeout is not None and wait > timeout and not self.ignores_timeout:
            if self.late_refusal:
                await self.clock.sleep(0.01)
            said = key if self.says_key else ""
            raise RateLimitedError("Late.", key=said, retry_after=wait)
        bucket.line.append(place)
        try:
            await self.turn(bucket, place)
        except asyncio.CancelledError:
            if not self.refunds:
                bucket.put_back(-cost)
            if not self.swallows:
                raise
        finally:
            bucket.line.remove(place)

    async def turn(self, bucket: Bucket, place: Any) -> None:
        if self.delay:
            await self.clock.sleep(self.delay)
        while True:
            wait = 0.001
            if bucket.line[0] is place or not self.in_line:
                wait = bucket.take(self.clock.monotonic(), place[1])
                if not wait:
                    return
            await self.clock.sleep(wait)


class OneEach(Limiter):
    def try_acquire(self, key: str = "") -> float:  # type: ignore[override]
        return super().try_acquire(key)


class TriesTheImpossible(Limiter):
    def try_acquire(self, key: str = "", *, cost: int = 1) -> float:
        return super().try_acquire(key, cost=min(cost, 5))


class Hasty(Limiter):
    """Promises a permit too early."""

    def try_acquire(self, key: str = "", *, cost: int = 1) -> float:
        return super().try_acquire(key, cost=cost) / 2


class OneLine(Limiter):
    """Has one line for all keys."""

    def __init__(self, clock: ClockProtocol) -> None:
        super().__init__(clock)
        self.line: list[Any] = []

    def of(self, key: str) -> Bucket:
        bucket = super().of(key)
        bucket.line = self.line
        return bucket


class NeverFull(Limiter):
    def try_acquire(self, key: str = "", *, cost: int = 1) -> float:
        return 0.0

    async def acquire(
        self,
        key: str = "",
        *,
        cost: int = 1,
        timeout: Any = None,  # noqa: ASYNC109 - the protocol's
    ) -> None:
        return None


def limiter(**flaws: Any) -> type[Limiter]:
    return type("Flawed", (Limiter,), flaws)


def buckets(**flaws: Any) -> type[Limiter]:
    return limiter(bucket=type("FlawedBucket", (Bucket,), flaws))


LIMITERS: dict[str, tuple[Callable[[Any], Any], str]] = {
    "takes no cost": (OneEach, "001 009 010 018"),
    "begins with less": (buckets(size=3.0), "002 008"),
    "never refuses": (NeverFull, "003 005 006 007 009 010 011 012"),
    "promises too early": (Hasty, "004"),
    "takes what it refuses": (limiter(greedy=True), "005"),
    "gives what gathered in a pause": (buckets(leak=True), "006 007"),
    "has one rate": (limiter(by_key=False), "008 019"),
    "takes one whatever the cost": (limiter(costs=False), "009"),
    "waits for what never comes": (limiter(checks=False), "010"),
    "tries what never comes": (TriesTheImpossible, "010"),
    "sleeps too long": (limiter(delay=3.0), "002 011 013"),
    "does not say whose": (limiter(says_key=False), "012"),
    "refuses late": (limiter(late_refusal=True), "012 014"),
    "waits whatever the limit": (limiter(ignores_timeout=True), "005 012 014"),
    "refuses all who would wait": (limiter(refuses_all=True), "011 013"),
    "forgets those in line": (limiter(counts_line=False), "014"),
    "lets small ones overtake": (limiter(in_line=False), "015"),
    "swallows cancellation": (limiter(swallows=True), "016"),
    "keeps what was reserved": (limiter(refunds=False), "017 018"),
    "has one line": (OneLine, "019"),
}


class Bulkhead:
    """Two places and a queue of three for each key. Correct; its subclasses are not."""

    places = 2
    queue = 3
    by_key = True
    says_key = True
    lost = False
    swallows = False
    last_first = False
    after_error = True
    after_cancel = True
    after_queue = True
    hands_on = True
    leaves_queue = True
    until_deadline = True
    longest: float | None = None
    counts_refused = False
    needs_call = False
    runs_refused = False

    def __init__(self, clock: ClockProtocol) -> None:
        self.clock = clock
        self.inside: dict[str, int] = defaultdict(int)
        self.waiting: dict[str, list[asyncio.Future[None]]] = defaultdict(list)
        self.queued: dict[str, int] = defaultdict(int)

    async def execute(self, operation: Any, call: Any = None) -> Any:
        if call is None and self.needs_call:
            return await operation()
        call = call or Call()
        key = call.key if self.by_key else ""
        if self.inside[key] >= self.places:
            await self.enter_queue(key, call, operation)
        else:
            self.inside[key] += 1
        gives_back = True
        try:
            result = await operation()
        except asyncio.CancelledError:
            gives_back = self.after_cancel
            if not self.swallows:
                raise
            return None
        except BaseException:
            gives_back = self.after_error
            raise
        else:
            return "lost" if self.lost else result
        finally:
            if gives_back:
                self.leave(key)

    async def enter_queue(self, key: str, call: Any, operation: Any) -> None:
        if self.queued[key] >= self.queue:
            self.inside[key] += self.counts_refused
            if self.runs_refused:
                await operation()
            raise BulkheadFullError("Full.", key=call.key if self.says_key else "")
        waiter = asyncio.get_running_loop().create_future()
        self.queued[key] += 1
        self.waiting[key].append(waiter)
        try:
            async with asyncio.timeout(self.limit(call)):
                await waiter
        except BaseException as error:
            if waiter in self.waiting[key]:
                self.waiting[key].remove(waiter)
            elif self.hands_on:
                self.leave(key)
            self.queued[key] -= self.leaves_queue
            if isinstance(error, TimeoutError):
                raise BulkheadFullError("Late.", key=call.key) from None
            raise
        self.queued[key] -= self.after_queue

    def limit(self, call: Any) -> float | None:
        if call.deadline is None or not self.until_deadline:
            return self.longest
        return max(0.0, call.deadline - self.clock.monotonic())

    def leave(self, key: str) -> None:
        waiting = [each for each in self.waiting[key] if not each.done()]
        if waiting:
            waiter = waiting[-1 if self.last_first else 0]
            self.waiting[key].remove(waiter)
            waiter.set_result(None)
        else:
            self.inside[key] -= 1


class SyncBulkhead(Bulkhead):
    def execute(self, operation: Any, call: Any = None) -> Any:
        return super().execute(operation, call)


def bulkhead(**flaws: Any) -> type[Bulkhead]:
    return type("Flawed", (Bulkhead,), flaws)


BULKHEADS: dict[str, tuple[Callable[[Any], Any], str]] = {
    "is no async def": (SyncBulkhead, "001"),
    "loses results": (bulkhead(lost=True), "002 008 015 016"),
    "lets all in": (bulkhead(places=1000), "003 004 005 013 014 016"),
    "lets one in": (bulkhead(places=1), "003 013"),
    "lets all wait": (bulkhead(queue=1000), "004 005"),
    "lets none wait": (bulkhead(queue=0), "003 006"),
    "does not say whose": (bulkhead(says_key=False), "004"),
    "runs what it refuses": (bulkhead(runs_refused=True), "004"),
    "counts those it refuses": (bulkhead(counts_refused=True), "005"),
    "lets the last one in first": (bulkhead(last_first=True), "006"),
    "counts those it let in": (bulkhead(after_queue=False), "007"),
    "has one key": (bulkhead(by_key=False), "008"),
    "keeps the places of failures": (bulkhead(after_error=False), "009"),
    "keeps the places of the cancelled": (bulkhead(after_cancel=False), "010 013"),
    "swallows cancellation": (bulkhead(swallows=True), "010"),
    "keeps cancelled waiters": (bulkhead(leaves_queue=False), "011"),
    "keeps a place that came too late": (bulkhead(hands_on=False), "012"),
    "outwaits the deadline": (bulkhead(until_deadline=False), "014"),
    "loses its patience": (bulkhead(longest=60.0), "015"),
    "lets in who has no call": (bulkhead(needs_call=True), "016"),
}


class Fallback:
    """Answers "instead". Correct; its subclasses are not."""

    catches: Any = Exception
    judges_errors = True
    judges_results = True
    discards_bad = True
    discards_all = False
    discards_none = False
    asks_of_both = False
    again = False
    plain: Any = Call()
    answer = "instead"
    copies = False
    one_at_a_time = False
    mixes = False

    def __init__(self) -> None:
        self.last: Any = None

    async def execute(self, operation: Any, call: Any = None) -> Any:
        call = call or self.plain
        try:
            self.last = result = await operation()
        except self.catches as error:
            bad = call.judge("none" if self.asks_of_both else None, error)
            if bad.outcome != "failure" and self.judges_errors:
                raise
            if self.discards_none:
                call.discard(None)
            return await operation() if self.again else self.answer
        if self.judges_results and call.judge(result, None).outcome == "failure":
            if self.discards_bad:
                call.discard(result)
            return await operation() if self.again else self.answer
        if self.discards_all:
            call.discard(result)
        await asyncio.sleep(0)
        return self.last if self.mixes else result


class SyncFallback(Fallback):
    def execute(self, operation: Any, call: Any = None) -> Any:
        return super().execute(operation, call)


def fallback(**flaws: Any) -> type[Fallback]:
    return type("Flawed", (Fallback,), flaws)


def suspicious(result: object, error: BaseException | None) -> Any:
    return Call().judge(None, error or Exception())


FALLBACKS: dict[str, tuple[Callable[[], Any], str]] = {
    "is no async def": (SyncFallback, "001"),
    "discards what it returns": (fallback(discards_all=True), "002"),
    "catches nothing": (fallback(catches=()), "003 006 010 011"),
    "tries again": (fallback(again=True), "003 004"),
    "answers otherwise": (fallback(answer="other"), "003 004 010 011"),
    "does not judge results": (fallback(judges_results=False), "004 005 012"),
    "does not release": (fallback(discards_bad=False), "005"),
    "releases nothing": (fallback(discards_none=True), "006"),
    "does not judge exceptions": (fallback(judges_errors=False), "007"),
    "catches everything": (
        fallback(catches=BaseException, judges_errors=False),
        "008 009",
    ),
    "suspects results": (fallback(plain=Call(judge=suspicious)), "010"),
    "mixes calls": (fallback(mixes=True), "011"),
    "asks of both": (fallback(asks_of_both=True), "012"),
}

CONTRACTS: dict[str, tuple[Any, Any, dict[str, tuple[Any, str]]]] = {
    "RATE": (check_rate_limiter, rate_limiter_behaviours, LIMITERS),
    "BULK": (check_bulkhead, bulkhead_behaviours, BULKHEADS),
    "FALL": (check_fallback, fallback_behaviours, FALLBACKS),
}
WRONG = [
    (contract, flaw) for contract, (_, _, flaws) in CONTRACTS.items() for flaw in flaws
]


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("contract", "flaw"), WRONG, ids=[f"{name}: {flaw}" for name, flaw in WRONG]
)
async def test_an_implementation_with_a_flaw_is_found(contract: str, flaw: str) -> None:
    check, _, flaws = CONTRACTS[contract]
    factory, behaviours = flaws[flaw]
    with pytest.raises(ConformanceError) as raised:
        await check(factory, version="1.0")
    failed = {v.behaviour.id for v in raised.value.report.failed}
    assert {f"{contract}-{number}" for number in behaviours.split()} <= failed


@pytest.mark.parametrize(
    ("contract", "factory"),
    [
        ("RATE", Limiter),
        ("RATE", limiter(bucket=Window)),
        ("BULK", Bulkhead),
        ("FALL", Fallback),
    ],
    ids=["bucket", "window", "bulkhead", "fallback"],
)
async def test_a_correct_implementation_conforms(contract: str, factory: Any) -> None:
    check, behaviours, _ = CONTRACTS[contract]
    report = await check(factory, version="1.0")
    assert not report.failed
    assert len(report.verdicts) == len(behaviours(version="1.0"))


@pytest.mark.parametrize("contract", CONTRACTS)
def test_every_behaviour_finds_someone(contract: str) -> None:
    _, behaviours, flaws = CONTRACTS[contract]
    found = " ".join(numbers for _, numbers in flaws.values()).split()
    every = {b.id.rpartition("-")[2] for b in behaviours(version="1.0")}
    assert every == set(found)


class TestBucket(RateLimiterConformance):
    version = "1.0"

    def make_rate_limiter(self, clock: ClockProtocol) -> Limiter:
        return Limiter(clock)


class TestPlaces(BulkheadConformance):
    version = "1.0"

    def make_bulkhead(self, clock: ClockProtocol) -> Bulkhead:
        return Bulkhead(clock)


class TestInstead(FallbackConformance):
    version = "1.0"

    def make_fallback(self) -> Fallback:
        return Fallback()


@pytest.mark.parametrize("contract", CONTRACTS)
async def test_each_behaviour_can_be_checked_alone(contract: str) -> None:
    _, behaviours, _ = CONTRACTS[contract]
    correct: dict[str, Any] = {"RATE": Limiter, "BULK": Bulkhead, "FALL": Fallback}
    first = behaviours(version="1.0")[0]
    assert str(first).startswith(f"{contract}-001")
    await first.check(correct[contract])


@pytest.mark.parametrize("contract", CONTRACTS)
def test_an_older_version_is_asked_for_nothing(contract: str) -> None:
    _, behaviours, _ = CONTRACTS[contract]
    assert behaviours(version="0.9") == ()
