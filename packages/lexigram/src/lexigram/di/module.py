"""Modules, as an application writes them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from lexigram.contracts.di import (
    MODULE_ATTRIBUTE,
    Binding,
    ConfigSection,
    ModuleDefinition,
    ModuleSource,
    written_at,
)

__all__ = ["Module", "module"]


class Module:
    """What a class decorated with `@module` derives from; it is never instantiated."""


M = TypeVar("M", bound=Module)


def module(
    *,
    imports: Sequence[ModuleSource] = (),
    providers: Sequence[Binding | Callable[..., Any]] = (),
    exports: Sequence[Any] = (),
    config: ConfigSection[Any] | None = None,
) -> Callable[[type[M]], type[M]]:
    """Make a class a module.

    Args:
        imports: The modules it stands on: classes, or what `configure(...)` returns.
        providers: What it can build: classes, functions and (async) generators, whose
            parameters are injected by their hints, and `bind(Key)...` values.
        exports: The keys that other modules may ask for. The rest is for this one and
            for those it imports; what the application is given directly hides nothing.
        config: The section of the configuration that it reads.

    Example:
        ```python
        @module(imports=[HTTPModule.configure()], providers=[BillingClient])
        class AppModule(Module):
            pass
        ```
    """
    origin = written_at()

    def decorate(cls: type[M]) -> type[M]:
        definition = ModuleDefinition(
            name=cls.__name__,
            imports=tuple(imports),
            providers=tuple(providers),
            exports=tuple(exports),
            config=config,
            origin=origin,
        )
        setattr(cls, MODULE_ATTRIBUTE, definition)
        return cls

    return decorate
