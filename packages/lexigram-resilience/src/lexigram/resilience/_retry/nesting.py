"""Telling a retry that another one repeats it already.

Three attempts of three attempts are nine, and a layer more makes it 27. So a retry that
runs within an attempt of another one makes a single attempt, and leaves the repeating to
the outermost: that one knows how much time there is.

Each call that may be repeated marks its context. The mark is a list that the call empties
of its meaning when it is over, because contexts are copied: a task that was started
within an attempt and goes on after it must not be taken for a part of it for ever. That
is also why nothing is set back at the end, which would cost as much again as setting.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextvars import ContextVar
from typing import Final

__all__ = ["LAYER", "NO_LAYER", "enter_layer", "get_layer"]

NO_LAYER: Final[Sequence[bool]] = (False,)
"""What the context of a call holds that no retry repeats."""

LAYER: Final[ContextVar[Sequence[bool]]] = ContextVar(
    "lexigram.resilience.retry", default=NO_LAYER
)
"""The mark of the call that surrounds this code: whether a retry may repeat it."""

# Bound here: a method of an imported name is looked up anew at each call, and these are
# called by every call.
get_layer: Final = LAYER.get
enter_layer: Final = LAYER.set
