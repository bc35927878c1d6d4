"""The core of lexigram: boots modules and injects them.

Only this distribution ships `lexigram/__init__.py`. Importing it loads nothing else, so
that `import lexigram.contracts` costs no more than the contracts.
"""

import pkgutil

__path__ = pkgutil.extend_path(__path__, __name__)

from typing import TYPE_CHECKING

__all__ = ["Application"]

if TYPE_CHECKING:
    from lexigram.application import Application
else:
    # Hidden from checkers: to them a module `__getattr__` would make every name valid.
    def __getattr__(name: str) -> object:
        if name == "Application":
            from lexigram.application import Application  # noqa: PLC0415 - on demand

            return Application
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
