"""State per key, of a bounded number of keys.

An upstream is known by `Call.key`, and a process may talk to any number of them. What is
kept of one may be forgotten when it says nothing that a new beginning would not say as
well; what still holds callers back stays, however many keys there are.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import Final, Generic, TypeVar

__all__ = ["Keyed"]

S = TypeVar("S")

# How many states are asked for a place before the limit gives way: a great outage, in
# which none may go, must not make each new key a walk through all of them.
_ASKED: Final = 16


class Keyed(Generic[S]):
    """Makes the state of a key when it is first asked for, and keeps it.

    Args:
        make: Makes the state of a new key.
        may_go: Says whether a state may be forgotten now.
        max_keys: From here on a new key takes the place of the longest unused one that
            may go. When none of those asked may, there is one more than `max_keys`.
    """

    __slots__ = ("_last", "_last_key", "_make", "_max_keys", "_may_go", "_states")

    _last: S
    """The state of `_last_key`, which was used last: most are asked for again."""

    def __init__(
        self, make: Callable[[str], S], *, may_go: Callable[[S], bool], max_keys: int
    ) -> None:
        self._make = make
        self._may_go = may_go
        self._max_keys = max_keys
        self._states: OrderedDict[str, S] = OrderedDict()
        self._last_key: str | None = None

    def get(self, key: str) -> S:
        """Return the state of a key, made now when there is none."""
        if key == self._last_key:
            return self._last
        state = self._states.get(key)
        if state is None:
            state = self._add(key)
        else:
            self._states.move_to_end(key)
        self._last_key, self._last = key, state
        return state

    def known(self, key: str) -> S | None:
        """Return the state of a key if there is one, without counting as a use."""
        return self._states.get(key)

    def forget(self, key: str) -> None:
        """Drop the state of a key, whatever it holds; nothing when there is none."""
        self._last_key = None
        self._states.pop(key, None)

    def change_limit(self, max_keys: int) -> None:
        """Keep at most this many from the next new key on."""
        self._max_keys = max_keys

    def items(self) -> list[tuple[str, S]]:
        """Return keys and states, the longest unused first."""
        return list(self._states.items())

    def values(self) -> list[S]:
        """Return the states, the longest unused first."""
        return list(self._states.values())

    def __iter__(self) -> Iterator[str]:
        return iter(list(self._states))

    def __len__(self) -> int:
        return len(self._states)

    def _add(self, key: str) -> S:
        excess = len(self._states) + 1 - self._max_keys
        if excess > 0:
            self._drop(excess)
        state = self._states[key] = self._make(key)
        return state

    def _drop(self, excess: int) -> None:
        """Forget up to `excess` states; those that stay go to the end of the queue."""
        self._last_key = None
        for key in [key for key, _ in zip(self._states, range(_ASKED), strict=False)]:
            if self._may_go(self._states[key]):
                del self._states[key]
                excess -= 1
                if not excess:
                    return
            else:
                self._states.move_to_end(key)
