"""Three doors to the behaviours of a store of idempotency keys."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias

from lexigram.contracts.clock import ClockProtocol
from lexigram.contracts.resilience import IdempotencyStoreProtocol
from lexigram.testing.conformance._behaviour import Behaviour
from lexigram.testing.conformance._contract import Contract
from lexigram.testing.conformance._policies import claiming
from lexigram.testing.conformance._policies.claiming import IdempotencyStoreFactory
from lexigram.testing.conformance._report import ConformanceReport
from lexigram.testing.conformance._suite import ConformanceSuite

__all__ = [
    "IdempotencyStoreConformance",
    "check_idempotency_store",
    "idempotency_store_behaviours",
]

_Behaviour: TypeAlias = Behaviour[[IdempotencyStoreFactory]]
_CONTRACT: Final = Contract[[IdempotencyStoreFactory]](
    "IdempotencyStoreProtocol", claiming
)


def idempotency_store_behaviours(*, version: str) -> Sequence[_Behaviour]:
    """Return what every `IdempotencyStoreProtocol` does, for a parametrized test.

    Check one by `await behaviour.check(factory)`. A `version` that is none of
    lexigram-contracts is a `ValueError`.
    """
    return _CONTRACT.asked_by(version)


async def check_idempotency_store(
    factory: IdempotencyStoreFactory,
    *,
    version: str,
    expected_failures: Mapping[str, str] | None = None,
) -> ConformanceReport:
    """Try every behaviour of a store of idempotency keys, each with a new one.

    `version`, `expected_failures` and the errors are as for `check_http_client`.

    Args:
        factory: Makes an empty store in which time passes as on the clock that it is
            given, as `IdempotencyStoreConformance.make_idempotency_store` says.
    """
    return await _CONTRACT.report(
        lambda behaviour: behaviour.check(factory),
        version=version,
        expected_failures=expected_failures,
    )


class IdempotencyStoreConformance(ConformanceSuite, abstract=True):
    """Tests of an implementation of `IdempotencyStoreProtocol`.

    Example:
        ```python
        class TestMyStore(IdempotencyStoreConformance):
            version = "1.0"

            def make_idempotency_store(self, clock):
                return MyStore(clock=clock)
        ```
    """

    _contract = _CONTRACT

    @abstractmethod
    def make_idempotency_store(self, clock: ClockProtocol) -> IdempotencyStoreProtocol:
        """Return an empty store in which time passes as on this clock.

        Its clock is moved by hours at once, between operations. A store on a server that
        has a time of its own is one whose operations first take from what every entry
        has left the seconds that this clock went on since the last of them.
        """
        raise NotImplementedError

    async def _attempt(self, behaviour: Behaviour[...]) -> None:
        await behaviour.check(self.make_idempotency_store)
