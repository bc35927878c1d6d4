"""A module as a value."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeAlias, TypeVar

from lexigram.contracts.di._bindings import Binding

__all__ = ["MODULE_ATTRIBUTE", "ConfigSection", "ModuleDefinition", "ModuleSource"]

C_co = TypeVar("C_co", covariant=True)

MODULE_ATTRIBUTE: Final = "__lexigram_module__"
"""Where a class that is a module keeps its `ModuleDefinition`."""


@dataclass(frozen=True)
class ConfigSection(Generic[C_co]):
    """A part of the configuration that a module reads.

    The core merges environment, `explicit` and files into one instance of `model` and
    binds it under that type.

    Attributes:
        name: The top-level key in YAML and the first part of the environment's names:
            "http" is `http:` and `LEX_HTTP__…`.
        model: A pydantic model, frozen, with unknown keys forbidden. (Contracts do not
            import pydantic, hence no narrower type.)
        explicit: What Python code set. Only fields that were set explicitly count.

    Raises:
        TypeError: `explicit` is no `model`.
    """

    name: str
    model: type[C_co]
    explicit: C_co | None = None

    def __post_init__(self) -> None:
        if self.explicit is None or isinstance(self.explicit, self.model):
            return
        # The value itself is not shown: it may hold a secret.
        raise TypeError(
            f"The section {self.name!r} takes a {self.model.__name__}, and not a "
            f"{type(self.explicit).__name__}. Write {self.model.__name__}(...)."
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ModuleDefinition:
    """What a module brings into an application.

    Attributes:
        name: For reports: "HTTPModule".
        imports: The modules it stands on.
        providers: What it can build. A bare class or function stands for
            `provide(...)` of it.
        exports: The keys that modules importing this one may ask for.
        config: The configuration it reads.
        origin: Where it was written, as "file:line".
    """

    name: str
    imports: tuple[ModuleSource, ...] = ()
    providers: tuple[Binding | Callable[..., Any], ...] = ()
    exports: tuple[Any, ...] = ()
    config: ConfigSection[Any] | None = None
    origin: str = ""


ModuleSource: TypeAlias = ModuleDefinition | type[Any]
"""A module's value, or a class that keeps one under `MODULE_ATTRIBUTE`."""
