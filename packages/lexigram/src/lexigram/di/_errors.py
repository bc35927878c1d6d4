"""What can be wrong with modules, their graph, or a question to the container."""

from __future__ import annotations

from typing import ClassVar

from lexigram.contracts.errors import LexigramError

__all__ = [
    "BootTimeoutError",
    "ContainerClosedError",
    "DependencyCycleError",
    "DuplicateBindingError",
    "GraphError",
    "ModuleError",
    "NotRegisteredError",
    "TeardownTimeoutError",
]


class ModuleError(LexigramError):
    """A module, or something it provides, cannot be understood."""

    code: ClassVar[str] = "di.module"


class DuplicateBindingError(ModuleError):
    """Two bindings answer one key."""

    code: ClassVar[str] = "di.duplicate_binding"


class GraphError(LexigramError):
    """What is registered does not fit together; nothing was created yet.

    Attributes:
        problems: Every missing dependency, cycle and captive dependency, one each.
    """

    code: ClassVar[str] = "di.graph"

    def __init__(self, problems: tuple[str, ...]) -> None:
        count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        super().__init__("\n\n".join((f"The dependencies have {count}.", *problems)))
        self.problems = problems


class BootTimeoutError(LexigramError, TimeoutError):
    """The application, or one step of its boot, did not end in its time."""

    code: ClassVar[str] = "application.boot_timeout"


class ContainerClosedError(LexigramError, RuntimeError):
    """A container was asked after its time."""

    code: ClassVar[str] = "di.closed"


class DependencyCycleError(LexigramError):
    """Something asked the container for what is being built around it."""

    code: ClassVar[str] = "di.cycle"


class NotRegisteredError(LexigramError, LookupError):
    """Nothing is registered under a key."""

    code: ClassVar[str] = "di.not_registered"


class TeardownTimeoutError(LexigramError, TimeoutError):
    """A teardown did not end in its time and was cancelled."""

    code: ClassVar[str] = "di.teardown_timeout"
