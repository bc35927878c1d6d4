"""What an application is made of, as text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, TypeVar

from lexigram.contracts.clock import ClockProtocol
from lexigram.contracts.metrics import MetricsRecorderProtocol
from lexigram.contracts.resilience import (
    CircuitBreakerRegistryProtocol,
    ResiliencePipelineProtocol,
    RetryPolicyProtocol,
)
from lexigram.contracts.web import HTTPClientProtocol, InterceptorChainProtocol
from lexigram.testing._app.overridden import Overridden, overriding

if TYPE_CHECKING:
    # The core is an extra, and only checkers need `TypeForm`.
    from typing_extensions import TypeForm

    from lexigram.application import Application

__all__ = ["describe", "existing"]

T = TypeVar("T")

_PARTS: Final[tuple[tuple[str, Any], ...]] = (
    ("client", HTTPClientProtocol),
    ("pipeline", ResiliencePipelineProtocol),
    ("retry", RetryPolicyProtocol),
    ("breakers", CircuitBreakerRegistryProtocol),
    ("interceptors", InterceptorChainProtocol),
    ("metrics", MetricsRecorderProtocol),
    ("clock", ClockProtocol),
)


async def describe(app: Application, overrides: Sequence[Overridden]) -> str:
    """Return modules, overrides, and what the parts of HTTP are.

    Raises:
        ApplicationStateError: The application is not running.
    """
    lines = ["modules", *(f"  {name}" for name in app.modules or ("none",))]
    lines.append("overrides")
    for one in overrides:
        use = "used" if one.replacement.used else "unused"
        lines.append(f"  {one}, {use}: {one.value!r}")
    lines += [] if overrides else ["  none"]
    lines.append("http")
    for name, key in _PARTS:
        part = await existing(app, overrides, key)
        lines.append(f"  {name}: {'not registered' if part is None else repr(part)}")
    return "\n".join(lines)


async def existing(
    app: Application, overrides: Sequence[Overridden], key: TypeForm[T]
) -> T | None:
    """Return what answers a key, without counting as a use of its override.

    None where nothing does, outside of scopes.
    """
    if (one := overriding(key, overrides)) is not None:
        value: T = one.value
        return value
    try:
        return await app.resolve(key)
    except LookupError:
        return None
