"""Hypothesis strategies for what an upstream can do to its clients.

Needs the extra: `pip install "lexigram-testing[hypothesis]"`.

Example:
    ```python
    from lexigram.contracts.web import Timeouts


    @given(outage=fault_schedules(well=Reply(json={"id": "inv_1"})))
    async def test_an_invoice_survives_any_short_outage(outage: FaultSchedule) -> None:
        config = RetryConfig(max_attempts=5, max_retry_after=120.0, budget=None)
        fake = FakeHTTPClient(
            retry_policy=RetryPolicy(config), timeout=Timeouts(total=None, attempt=5.0)
        )
        async with fake, virtual_time():
            outage.apply(fake.on.get("/v1/invoices/inv_1"))
            assert (await BillingClient(fake).fetch_invoice("inv_1")).is_ok()
    ```

A failing example is the shortest outage that fails, and what is printed of it can be
pasted behind the route: `fake.on.get(...).sequence(fault.reset(), fault.reset(), ...)`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from lexigram.testing._answers.faults import Fault, fault
from lexigram.testing._answers.outcomes import Outcome, Reply
from lexigram.testing._schedules.schedule import FaultSchedule

try:
    from hypothesis import strategies as st
except ImportError as _missing:
    raise ImportError(
        "`lexigram.testing.strategies` needs Hypothesis, which is not installed. "
        'Install it with: pip install "lexigram-testing[hypothesis]".'
    ) from _missing

__all__ = ["FaultSchedule", "fault_schedules", "faults", "replies"]

# Simple ones first: that is where an example shrinks to.
_STATUSES: Final = (200, 503, 429, 500, 404, 201, 204, 400, 401, 403, 409, 502, 504)
_TROUBLE: Final = (503, 429, 500, 502, 504)
_ASK_FOR_A_WAIT: Final = frozenset({429, 503})
_BODY_SIZE: Final = 1024


def replies(
    *, statuses: Sequence[int] = _STATUSES, max_delay: float = 0.0
) -> st.SearchStrategy[Reply]:
    """Generate well-formed responses, their bodies none, JSON of any kind or text.

    429 and 503 may say `Retry-After`. They shrink to the first status without a body.

    Args:
        statuses: The statuses to choose from.
        max_delay: The longest time before the response, in seconds; only for tests in
            virtual time.
    """
    nothing: dict[str, Any] = {}
    bodies = st.one_of(
        st.just(nothing),
        st.fixed_dictionaries({"json": _json_values()}),
        st.fixed_dictionaries({"text": st.text(min_size=1, max_size=20)}),
    )
    waits = st.none() | st.integers(0, 120).map(str)
    delays = st.floats(0.0, max_delay) if max_delay else st.just(0.0)

    def reply(
        status: int, body: dict[str, Any], wait: str | None, delay: float
    ) -> Reply:
        asks = wait is not None and status in _ASK_FOR_A_WAIT
        headers = {"Retry-After": wait} if asks else {}
        return Reply(status, headers, delay=delay, **body)

    return st.tuples(st.sampled_from(statuses), bodies, waits, delays).map(
        lambda parts: reply(*parts)
    )


def faults(*, portable: bool = True) -> st.SearchStrategy[Fault]:
    """Generate faults.

    Args:
        portable: True for those that a fake can do, `fault.portable()`; False for those
            that a route of a server can.
    """
    if portable:
        reset_first = sorted(fault.portable(), key=lambda one: one.kind != "reset")
        return st.sampled_from(reset_first)
    cuts = st.integers(1, _BODY_SIZE - 1)
    return st.one_of(
        st.sampled_from([one for one in fault.all() if not one.before_request]),
        cuts.map(fault.reset),
        cuts.map(fault.truncate),
        cuts.map(fault.hang),
    )


def fault_schedules(
    *,
    max_size: int = 5,
    ends_well: bool = True,
    well: Reply | None = None,
    portable: bool = True,
) -> st.SearchStrategy[FaultSchedule]:
    """Generate outages of one route; they shrink to the fewest faults that matter.

    Args:
        max_size: The most outcomes; the last is repeated for ever.
        ends_well: Whether the last is the good response, so that an outage is over.
        well: The good response; 200 without a body when None.
        portable: As for `faults`; False for a `FaultServer`.

    Raises:
        ValueError: `max_size` is below 1.
    """
    if max_size < 1:
        raise ValueError(f"{max_size=!r} leaves no outcome. Use 1 or more.")
    good = well or Reply()
    outcomes: st.SearchStrategy[Outcome] = st.one_of(
        st.just(good), replies(statuses=_TROUBLE), faults(portable=portable)
    )
    if ends_well:
        begun = st.lists(outcomes, max_size=max_size - 1)
        return begun.map(lambda outcomes: FaultSchedule(*outcomes, good))
    some = st.lists(outcomes, min_size=1, max_size=max_size)
    return some.map(lambda outcomes: FaultSchedule(*outcomes))


def _json_values() -> st.SearchStrategy[Any]:
    leaves = st.none() | st.booleans() | st.integers() | st.text(max_size=10)
    return st.recursive(
        leaves,
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.text(max_size=10), inner, max_size=3)
        ),
        max_leaves=5,
    )
