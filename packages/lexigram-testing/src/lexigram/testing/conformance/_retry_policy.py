"""Three doors to the behaviours of a retry policy."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias

from lexigram.contracts.clock import ClockProtocol
from lexigram.contracts.resilience import RetryPolicyProtocol
from lexigram.testing.conformance._behaviour import Behaviour
from lexigram.testing.conformance._contract import Contract
from lexigram.testing.conformance._policies import retrying
from lexigram.testing.conformance._policies.retrying import RetryFactory
from lexigram.testing.conformance._report import ConformanceReport
from lexigram.testing.conformance._suite import ConformanceSuite

__all__ = [
    "RetryPolicyConformance",
    "check_retry_policy",
    "retry_policy_behaviours",
]

_Behaviour: TypeAlias = Behaviour[[RetryFactory]]
_CONTRACT: Final = Contract[[RetryFactory]]("RetryPolicyProtocol", retrying)


def retry_policy_behaviours(*, version: str) -> Sequence[_Behaviour]:
    """Return what every `RetryPolicyProtocol` does, for a parametrized test.

    Check one by `await behaviour.check(factory)`. A `version` that is none of
    lexigram-contracts is a `ValueError`.
    """
    return _CONTRACT.asked_by(version)


async def check_retry_policy(
    factory: RetryFactory,
    *,
    version: str,
    expected_failures: Mapping[str, str] | None = None,
) -> ConformanceReport:
    """Try every behaviour of a retry policy, each with a new one.

    Time is virtual meanwhile; `version`, `expected_failures` and the errors are as for
    `check_http_client`.

    Args:
        factory: Makes a policy of at most three attempts in all, which takes the time from
            the clock that it is given and waits for ten seconds when asked to.
    """
    return await _CONTRACT.report(
        lambda behaviour: behaviour.check(factory),
        version=version,
        expected_failures=expected_failures,
    )


class RetryPolicyConformance(ConformanceSuite, abstract=True):
    """Tests of an implementation of `RetryPolicyProtocol`.

    Example:
        ```python
        class TestMyRetry(RetryPolicyConformance):
            version = "1.0"

            def make_retry_policy(self, clock):
                return MyRetry(max_attempts=3, clock=clock)
        ```
    """

    _contract = _CONTRACT

    @abstractmethod
    def make_retry_policy(self, clock: ClockProtocol) -> RetryPolicyProtocol:
        """Return a policy of at most three attempts in all, on this clock.

        Asked by an upstream to wait for ten seconds, it does.
        """
        raise NotImplementedError

    async def _attempt(self, behaviour: Behaviour[...]) -> None:
        await behaviour.check(self.make_retry_policy)
