"""Three doors to the behaviours of a retry policy."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from functools import cache
from typing import TypeAlias, cast

from lexigram.contracts.clock import ClockProtocol
from lexigram.contracts.resilience import RetryPolicyProtocol
from lexigram.testing.conformance._behaviour import Behaviour, behaviours_of, chosen
from lexigram.testing.conformance._policies import retrying
from lexigram.testing.conformance._policies.retrying import RetryFactory
from lexigram.testing.conformance._report import ConformanceReport
from lexigram.testing.conformance._suite import ConformanceSuite
from lexigram.testing.conformance._trying import report_on

__all__ = [
    "RetryPolicyConformance",
    "check_retry_policy",
    "retry_policy_behaviours",
]

_Behaviour: TypeAlias = Behaviour[[RetryFactory]]


def retry_policy_behaviours(*, version: str) -> Sequence[_Behaviour]:
    """Return what every `RetryPolicyProtocol` does, for a parametrized test.

    Check one by `await behaviour.check(factory)`.

    Args:
        version: The version of lexigram-contracts that is implemented.

    Raises:
        ValueError: The version is none.
    """
    return chosen(_all(), version, None)


async def check_retry_policy(
    factory: RetryFactory,
    *,
    version: str,
    expected_failures: Mapping[str, str] | None = None,
) -> ConformanceReport:
    """Try every behaviour of a retry policy, each with a new one.

    The running loop's time is virtual meanwhile.

    Args:
        factory: Makes a policy of at most three attempts in all, which takes the time from
            the clock that it is given and waits for ten seconds when asked to.
        version: The version of lexigram-contracts that it implements.
        expected_failures: Behaviours that are known to fail, each with the reason.

    Raises:
        ConformanceError: One failed, or passed against expectation; lists them all.
        ValueError: An expected failure has no reason or is of no behaviour.
    """
    return await report_on(
        "RetryPolicyProtocol",
        retry_policy_behaviours(version=version),
        lambda behaviour: behaviour.check(factory),
        version=version,
        expected_failures=expected_failures,
        known=[behaviour.id for behaviour in _all()],
    )


class RetryPolicyConformance(ConformanceSuite, abstract=True):
    """Tests of an implementation of `RetryPolicyProtocol`.

    Example:
        class TestMyRetry(RetryPolicyConformance):
            version = "1.0"

            def make_retry_policy(self, clock):
                return MyRetry(max_attempts=3, clock=clock)
    """

    @abstractmethod
    def make_retry_policy(self, clock: ClockProtocol) -> RetryPolicyProtocol:
        """Return a policy of at most three attempts in all, on this clock.

        Asked by an upstream to wait for ten seconds, it does.
        """
        raise NotImplementedError

    @classmethod
    def behaviours(cls) -> Sequence[Behaviour[...]]:
        """Return every behaviour of a retry policy."""
        return _all()

    async def _attempt(self, behaviour: Behaviour[...]) -> None:
        await behaviour.check(self.make_retry_policy)


@cache
def _all() -> tuple[_Behaviour, ...]:
    return tuple(cast("_Behaviour", found) for found in behaviours_of(retrying))
