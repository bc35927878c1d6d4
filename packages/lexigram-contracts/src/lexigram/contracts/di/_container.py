"""The container, as the code that runs inside an application may use it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeVar, runtime_checkable

if TYPE_CHECKING:
    # Only checkers need it; see lexigram.result.
    from typing_extensions import TypeForm

__all__ = ["ContainerProtocol"]

T = TypeVar("T")


@runtime_checkable
class ContainerProtocol(Protocol):
    """Answers a key with an instance.

    For the edges of an application. What a service needs belongs into its constructor,
    where it can be seen and checked before anything runs.

    May be asked by any task from the start of the application to its stop; two that ask
    for the same key at once get the same instance. Not promised: that an instance is
    built before it is asked for. Cancelling an asker gives up what it was building.
    """

    async def resolve(self, key: TypeForm[T]) -> T:
        """Return the instance of `key`, building it when its scope has none yet.

        Raises:
            LookupError: Nothing is registered under `key`.
        """
        ...
