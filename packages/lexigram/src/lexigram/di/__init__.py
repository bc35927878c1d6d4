"""Modules and injection."""

from lexigram.contracts.di import (
    Binding,
    ConfigSection,
    ContainerProtocol,
    Named,
    Scope,
    bind,
    provide,
)
from lexigram.di._errors import (
    ContainerClosedError,
    DependencyCycleError,
    DuplicateBindingError,
    GraphError,
    ModuleError,
    NotRegisteredError,
    TeardownTimeoutError,
)
from lexigram.di.module import Module, module

__all__ = [
    "Binding",
    "ConfigSection",
    "ContainerClosedError",
    "ContainerProtocol",
    "DependencyCycleError",
    "DuplicateBindingError",
    "GraphError",
    "Module",
    "ModuleError",
    "Named",
    "NotRegisteredError",
    "Scope",
    "TeardownTimeoutError",
    "bind",
    "module",
    "provide",
]
