"""One target in the hands of libFuzzer; `tools/fuzz.py` starts it.

    python engine.py TARGET FOLDER... [-libfuzzer_option=...]

Inputs that reach something new are written to the first folder.
"""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

# Of the group `fuzz`, and without types.
atheris: Any = import_module("atheris")

with atheris.instrument_imports(include=["lexigram", "yaml"]):
    from fuzzing.targets import TARGETS


if __name__ == "__main__":
    target = TARGETS[sys.argv.pop(1)]
    atheris.Setup(sys.argv, target)
    atheris.Fuzz()
