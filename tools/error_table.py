"""What becomes of a call for every fault of the kit, as docs/reference/errors.md shows it.

    uv run python tools/error_table.py            prints the table
    uv run python tools/error_table.py --write    keeps it in docs/reference/errors.md

The rows are those of `MATRIX` in the client's own test of the faults, which fails when the
client does something else; `tests/test_http_reference.py` fails when the document does. The
rest of the document is written by hand.
"""

from __future__ import annotations

import argparse
import importlib.util
import re
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from types import ModuleType
from typing import Any, Final

from environments import ROOT
from lexigram.testing import Fault, Phase, fault

REFERENCE = ROOT / "docs" / "reference" / "errors.md"
TEST = ROOT / "packages" / "lexigram-http" / "tests" / "test_http_fault_matrix.py"
BEGIN: Final = "<!-- By tools/error_table.py; do not edit. -->\n"
END: Final = "<!-- The end of that. -->\n"
HEAD: Final = """\
| fault | when | the client meets | ends with | that says | `request_sent` | `retryable` | after |
|---|---|---|---|---|---|---|---|
"""

# A row of the table in the docstring of `fault`: name, what the client meets.
_MEETS = re.compile(r"^\s*\| `(\w+)` \| (.+?) \| [^|]+ \|$", re.MULTILINE)


def fault_table() -> str:
    """Return the table: a row for each fault, in the order of an exchange."""
    matrix: Mapping[Fault, Any] = _matrix().MATRIX
    phases = list(Phase)
    ordered = sorted(matrix, key=lambda cause: phases.index(cause.phase))
    return HEAD + "".join(_row(cause, matrix[cause]) for cause in ordered)


def with_table(document: str) -> str:
    """Return a document whose part between the two marks is the table."""
    before, begin, rest = document.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise RuntimeError(f"The document lacks {BEGIN!r} or {END!r} after it.")
    return f"{before}{begin}\n{fault_table()}\n{end}{after}"


@cache
def _matrix() -> ModuleType:
    """Load the test by its path: test folders are not packages."""
    spec = importlib.util.spec_from_file_location("http_fault_matrix", TEST)
    if spec is None or spec.loader is None:
        raise RuntimeError(f"{TEST} cannot be loaded.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # where dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def _row(cause: Fault, ending: Any) -> str:
    facts = dict(ending.facts)
    sent = facts.pop("request_sent", "yes")
    retryable = {True: "yes", False: "no", None: ""}[facts.pop("retryable", None)]
    cells = (
        f"`{_escaped(cause.call)}`",
        str(cause.phase),
        _descriptions()[cause.kind],
        f"`{ending.error.__name__}`" if ending.error else "a response",
        ", ".join(_said(facts, ending)),
        sent,
        retryable,
        f"{ending.after:g} s" if ending.after else "at once",
    )
    return f"| {' | '.join(cells)} |\n"


def _said(facts: Mapping[str, object], ending: Any) -> Iterator[str]:
    if ending.error is None:
        yield f"{facts['status']}, {ending.size} bytes"
        return
    for name, value in facts.items():
        if value is not None and name != "limit":
            yield f'`{name}="{value}"`'
    if ending.requests > 1:
        yield f"`attempts={ending.requests}`"


@cache
def _descriptions() -> dict[str, str]:
    return dict(_MEETS.findall(fault.__doc__ or ""))


def _escaped(call: str) -> str:
    return call.replace("|", "\\|")


def main() -> None:
    """Print the table or keep it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--write", action="store_true", help=f"keep it in {REFERENCE.name}"
    )
    if parser.parse_args().write:
        REFERENCE.write_text(with_table(REFERENCE.read_text()))
    else:
        print(fault_table(), end="")


if __name__ == "__main__":
    main()
