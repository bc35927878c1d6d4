"""The behaviours of policies and recorders, and policies that lack one of them."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from lexigram.contracts.clock import ClockProtocol
from lexigram.contracts.resilience import Call, CircuitOpenError, RetryExhaustedError
from lexigram.testing import InMemoryMetrics
from lexigram.testing.conformance import (
    ConformanceError,
    MetricsRecorderConformance,
    check_circuit_breaker,
    check_metrics_recorder,
    check_pipeline,
    check_retry_policy,
    circuit_breaker_behaviours,
    metrics_recorder_behaviours,
    pipeline_behaviours,
    retry_policy_behaviours,
)


class TestInMemoryMetrics(MetricsRecorderConformance):
    version = "1.0"

    def make_metrics_recorder(self) -> InMemoryMetrics:
        return InMemoryMetrics()


class Retry:
    """Three attempts. Correct; its subclasses are not."""

    attempts = 3
    caught: Any = Exception
    needs_permission = True
    obeys_judge = True
    respects_wish = True
    respects_deadline = True
    discards = True
    wraps = True

    def __init__(self, clock: ClockProtocol) -> None:
        self.clock = clock

    async def execute(self, operation: Any, call: Any = None) -> Any:
        call = call or Call()
        for number in range(1, self.attempts + 1):
            result, error = None, None
            try:
                result = await operation()
            except self.caught as raised:
                error = raised
            if self.is_final(call, result, error):
                return self.outcome(result, error)
            pause = self.pause(call, result, error)
            if number == self.attempts or pause is None:
                return self.give_up(number, result, error)
            if error is None and self.discards:
                call.discard(result)
            await self.clock.sleep(pause)
        return None

    def is_final(self, call: Any, result: Any, error: Any) -> bool:
        if self.needs_permission and not call.repeatable:
            return True
        return self.obeys_judge and not call.judge(result, error).retryable

    def pause(self, call: Any, result: Any, error: Any) -> float | None:
        wish = call.judge(result, error).retry_after if self.respects_wish else None
        seconds = max(0.1, wish or 0.0)
        late = call.deadline is not None and (
            self.clock.monotonic() + seconds > call.deadline
        )
        return None if late and self.respects_deadline else seconds

    def give_up(self, number: int, result: Any, error: Any) -> Any:
        if error is not None and self.wraps:
            raise RetryExhaustedError("Up.", attempts=number, last=error) from error
        return self.outcome(result, error)

    def outcome(self, result: Any, error: Any) -> Any:
        if error is not None:
            raise error
        return result


class SyncRetry(Retry):
    def execute(self, operation: Any, call: Any = None) -> Any:
        return super().execute(operation, call)


class DiscardsAll(Retry):
    def give_up(self, number: int, result: Any, error: Any) -> Any:
        return "lost"


class KeepsCount(Retry):
    """Its attempts are those of all its calls together."""

    left = 12

    async def execute(self, operation: Any, call: Any = None) -> Any:
        self.left -= 1
        self.attempts = min(3, max(1, self.left))
        return await super().execute(operation, call)


class Asks(Retry):
    def is_final(self, call: Any, result: Any, error: Any) -> bool:
        call.judge(result or "none", error)
        return super().is_final(call, result, error)


class MakesRepetitionsOnce(Retry):
    def is_final(self, call: Any, result: Any, error: Any) -> bool:
        return call.repeats or super().is_final(call, result, error)


def retry(**flaws: Any) -> type[Retry]:
    return type("Flawed", (Retry,), flaws)


def one_short(self: Retry, number: int, result: Any, error: Any) -> Any:
    return Retry.give_up(self, number - 1, result, error)


RETRIES: dict[str, tuple[Callable[[Any], Any], str]] = {
    "is no async def": (SyncRetry, "001"),
    "never repeats": (retry(attempts=1), "003 004 005 009 015 016"),
    "repeats once too often": (retry(attempts=4), "005 006 007"),
    "pauses before it is needed": (retry(obeys_judge=False), "002 003 009 018"),
    "does not release": (retry(discards=False), "004 007"),
    "says nothing": (retry(wraps=False), "006"),
    "miscounts": (retry(give_up=one_short), "006"),
    "loses the last": (DiscardsAll, "005 006 007"),
    "repeats without permission": (retry(needs_permission=False), "008"),
    "is impolite": (retry(respects_wish=False), "010"),
    "oversleeps": (retry(respects_deadline=False), "011"),
    "swallows everything": (retry(caught=BaseException, obeys_judge=False), "012 014"),
    "keeps a state": (KeepsCount, "016"),
    "asks of both": (Asks, "017"),
    "takes repetitions for its own": (MakesRepetitionsOnce, "019"),
}


class Breaker:
    """A circuit for each key. Correct; its subclasses are not."""

    failures = 3
    open_for = 10.0
    probes = 1
    by_key = True
    judges = True
    counts: Any = Exception
    drops_late = True
    gives_back = True
    swallows = False
    resets = True
    says_key = True

    def __init__(self, clock: ClockProtocol) -> None:
        self.clock = clock
        self.circuits: dict[str, dict[str, Any]] = {}

    def circuit(self, key: str) -> dict[str, Any]:
        key = key if self.by_key else ""
        fresh = {"row": 0, "until": 0.0, "state": "closed", "probes": 0, "age": 0}
        return self.circuits.setdefault(key, fresh)

    async def call(self, operation: Any, call: Any = None) -> Any:
        call = call or Call()
        circuit = self.circuit(call.key)
        self.admit(circuit, call.key)
        age = circuit["age"]
        outcome = "neutral"
        try:
            result = await operation()
        except self.counts as error:
            outcome = call.judge(None, error).outcome if self.judges else "failure"
            if not isinstance(error, Exception):
                outcome = "failure"
            raise
        else:
            outcome = call.judge(result, None).outcome if self.judges else "success"
            return "lost" if self.swallows else result
        finally:
            if age == circuit["age"] or not self.drops_late:
                self.record(circuit, outcome)

    def admit(self, circuit: dict[str, Any], key: str) -> None:
        if circuit["state"] == "open" and self.clock.monotonic() >= circuit["until"]:
            circuit |= {"state": "half", "probes": 0, "age": circuit["age"] + 1}
        if circuit["state"] == "closed":
            return
        if circuit["state"] == "open" or circuit["probes"] >= self.probes:
            raise CircuitOpenError("Open.", key=key if self.says_key else "")
        circuit["probes"] += 1

    def record(self, circuit: dict[str, Any], outcome: str) -> None:
        if outcome == "neutral":
            circuit["probes"] -= self.gives_back
        elif outcome == "success":
            closed = {"row": 0, "state": "closed"} if self.resets else {}
            circuit |= closed
        else:
            circuit["row"] += 1
            if circuit["row"] >= self.failures or circuit["state"] == "half":
                until = self.clock.monotonic() + self.open_for
                older = circuit["age"] + 1
                circuit |= {"row": 0, "state": "open", "until": until, "age": older}


class SyncBreaker(Breaker):
    def call(self, operation: Any, call: Any = None) -> Any:
        return super().call(operation, call)


def breaker(**flaws: Any) -> type[Breaker]:
    return type("Flawed", (Breaker,), flaws)


def fails_on_neutral(self: Breaker, circuit: dict[str, Any], outcome: str) -> None:
    Breaker.record(self, circuit, "failure" if outcome == "neutral" else outcome)


def ignores_bad_probes(self: Breaker, circuit: dict[str, Any], outcome: str) -> None:
    half = circuit["state"] == "half"
    Breaker.record(self, circuit, "neutral" if half else outcome)


BREAKERS: dict[str, tuple[Callable[[Any], Any], str]] = {
    "is no async def": (SyncBreaker, "001"),
    "loses results": (breaker(swallows=True), "002 005 006 007"),
    "never opens": (breaker(failures=1000), "003 004 008 009 013 016"),
    "opens at once": (breaker(failures=1), "005"),
    "does not say whose": (breaker(says_key=False), "003"),
    "judges by itself": (breaker(judges=False), "004 010"),
    "has one circuit": (breaker(by_key=False), "006"),
    "never closes": (breaker(resets=False), "005 007"),
    "stays open": (breaker(open_for=1e9), "007 008 009 012 014"),
    "forgives probes": (breaker(record=ignores_bad_probes), "008"),
    "lets everyone probe": (breaker(probes=1000), "009"),
    "counts cancellation": (breaker(record=fails_on_neutral), "010 011 012"),
    "loses the place of a probe": (breaker(gives_back=False), "012"),
    "believes late answers": (breaker(drops_late=False), "013 014"),
    "counts what is no exception": (breaker(counts=BaseException), "011 015"),
}


PIPELINES: dict[str, tuple[Callable[[Any], Any], str]] = {
    "is no async def": (SyncRetry, "001"),
    "pauses before it is needed": (retry(obeys_judge=False), "002 004"),
    "repeats without permission": (retry(needs_permission=False), "003"),
    "hides the cause": (
        retry(give_up=lambda self, number, result, error: 1 / 0),
        "005",
    ),
    "does not release": (retry(discards=False), "007"),
    "oversleeps": (retry(respects_deadline=False), "008"),
    "swallows everything": (retry(caught=BaseException, obeys_judge=False), "009 010"),
    "loses results": (
        retry(outcome=lambda self, result, error: "lost"),
        "002 006 011",
    ),
}


class OtherMetrics(InMemoryMetrics):
    def gauge(self, name: str, number: float, tags: Any = None) -> None:
        pass


class FutureMetrics(InMemoryMetrics):
    def increment(self, name: str, value: int = 1, tags: Any = None) -> Any:
        return asyncio.get_running_loop().create_future()


class WholeMetrics(InMemoryMetrics):
    def histogram(self, name: str, value: float, tags: Any = None) -> None:
        if not isinstance(value, int):
            raise TypeError(value)


class StrictMetrics(InMemoryMetrics):
    def increment(self, name: str, value: int = 1, tags: Any = None) -> None:
        tags["method"]


class TaggingMetrics(InMemoryMetrics):
    def increment(self, name: str, value: int = 1, tags: Any = None) -> None:
        (tags or {})["host"] = "a"


METRICS: dict[str, tuple[Callable[[], Any], str]] = {
    "has other names": (OtherMetrics, "001"),
    "returns a future": (FutureMetrics, "002"),
    "takes whole numbers": (WholeMetrics, "003"),
    "needs tags": (StrictMetrics, "002 003 004"),
    "adds tags": (TaggingMetrics, "005"),
}

CONTRACTS: dict[str, tuple[Any, Any, dict[str, tuple[Any, str]]]] = {
    "RETRY": (check_retry_policy, retry_policy_behaviours, RETRIES),
    "BREAKER": (check_circuit_breaker, circuit_breaker_behaviours, BREAKERS),
    "PIPELINE": (check_pipeline, pipeline_behaviours, PIPELINES),
    "METRICS": (check_metrics_recorder, metrics_recorder_behaviours, METRICS),
}
WRONG = [
    (contract, flaw) for contract, (_, _, flaws) in CONTRACTS.items() for flaw in flaws
]


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
        ("RETRY", Retry),
        ("BREAKER", Breaker),
        ("PIPELINE", Retry),
        ("METRICS", InMemoryMetrics),
    ],
)
async def test_a_correct_implementation_conforms(contract: str, factory: Any) -> None:
    check, behaviours, _ = CONTRACTS[contract]
    report = await check(factory, version="1.0")
    assert not report.failed
    assert len(report.verdicts) == len(behaviours(version="1.0"))


@pytest.mark.parametrize("contract", CONTRACTS)
def test_nearly_every_behaviour_finds_someone(contract: str) -> None:
    _, behaviours, flaws = CONTRACTS[contract]
    found = " ".join(numbers for _, numbers in flaws.values()).split()
    every = {b.id.rpartition("-")[2] for b in behaviours(version="1.0")}
    # A retry that goes on after a cancelled pause has to catch it around its own sleep.
    assert every - set(found) <= {"013"}
