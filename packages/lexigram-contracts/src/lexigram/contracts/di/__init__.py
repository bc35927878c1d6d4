"""How a feature describes itself to whatever boots and injects it.

A module is a value. It says what can be built and from what (`Binding`), which
configuration it reads (`ConfigSection`) and which modules it stands on; a core compiles
such values, so that a feature imports no core and no container library.
"""

from lexigram.contracts.di._bindings import (
    Binding,
    Factory,
    Named,
    Scope,
    bind,
    provide,
    written_at,
)
from lexigram.contracts.di._container import ContainerProtocol
from lexigram.contracts.di._modules import (
    MODULE_ATTRIBUTE,
    ConfigSection,
    ModuleDefinition,
    ModuleSource,
)

__all__ = [
    "MODULE_ATTRIBUTE",
    "Binding",
    "ConfigSection",
    "ContainerProtocol",
    "Factory",
    "ModuleDefinition",
    "ModuleSource",
    "Named",
    "Scope",
    "bind",
    "provide",
    "written_at",
]
