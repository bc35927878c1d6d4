"""The core of lexigram: boots modules and injects them.

Only this distribution ships `lexigram/__init__.py`. Importing it loads nothing else, so
that `import lexigram.contracts` costs no more than the contracts.
"""

import os
import sys

# The portions of the other distributions. As `pkgutil.extend_path` finds them, whose
# import takes several times as long as all of this.
__path__ = list(
    dict.fromkeys(
        [
            *__path__,
            *(
                _portion
                for entry in sys.path
                if os.path.isdir(_portion := os.path.join(entry, __name__))  # noqa: PTH112, PTH118 - `pathlib` is not loaded
            ),
        ]
    )
)

# As checkers know it; `typing` would be most of what importing this costs.
TYPE_CHECKING = False

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
