"""What importing the contracts costs, seen from an interpreter that did nothing else.

Each contracts module may load the standard modules named here and what those load by
themselves, whatever that is in this version of Python.
"""

import json
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

import lexigram.contracts
import lexigram.result

ALLOWED = (
    "__future__",
    "collections.abc",
    "dataclasses",
    "difflib",
    "ipaddress",
    "json",
    "math",
    "re",
    "sys",
    "types",
    "typing",
    "urllib.parse",
)
# A clock sleeps, and so do the rules of a call, which also log and read HTTP dates; only
# clients import those. Nobody else pays for an event loop on import.
ALSO_ALLOWED = {
    "lexigram.contracts.clock": ("asyncio", "time"),
    "lexigram.contracts.web.streaming": ("asyncio", "codecs", "random", "time"),
    "lexigram.contracts.web.calling": (
        "asyncio",
        "codecs",
        "datetime",
        "email.utils",
        "logging",
        "random",  # streams, which reconnect
        "time",
        "zlib",  # content codings
    ),
}
FORBIDDEN = {"aiohttp", "pydantic", "pydantic_core", "typing_extensions"}


def public_modules() -> list[str]:
    found = []
    for package in (lexigram.contracts, lexigram.result):
        root = Path(package.__path__[0])
        for path in root.rglob("*.py"):
            parts = path.relative_to(root).with_suffix("").parts
            parts = parts[:-1] if parts[-1] == "__init__" else parts
            if not any(part.startswith("_") for part in parts):
                found.append(".".join((package.__name__, *parts)))
    return sorted(found)


@cache
def loaded_by(*modules: str) -> frozenset[str]:
    """Names in `sys.modules` of a fresh interpreter that imported these."""
    imports = "".join(f"import {module}\n" for module in modules)
    # The names are taken before json, which prints them, is loaded.
    code = f"{imports}import sys\nn = sorted(sys.modules)\nimport json\nprint(json.dumps(n))"
    done = subprocess.run(
        [sys.executable, "-P", "-I", "-c", code],
        capture_output=True,
        text=True,
        check=True,
    )
    return frozenset(json.loads(done.stdout))


@pytest.mark.parametrize("module", public_modules())
def test_a_contracts_module_loads_listed_standard_modules_only(module: str) -> None:
    allowed = loaded_by(*ALLOWED, *ALSO_ALLOWED.get(module, ()))
    foreign = {
        name
        for name in loaded_by(module) - allowed
        if name != "lexigram"
        and not name.startswith(("lexigram.contracts", "lexigram.result"))
    }
    assert not foreign


@pytest.mark.parametrize("module", public_modules())
def test_a_contracts_module_loads_no_third_party_package(module: str) -> None:
    before = loaded_by()
    assert not FORBIDDEN & {
        name.partition(".")[0] for name in loaded_by(module) - before
    }


def test_typing_a_service_does_not_load_the_rules_of_a_call() -> None:
    loaded = loaded_by("lexigram.contracts.web")
    assert "lexigram.contracts.web.calling" not in loaded
    assert "lexigram.contracts.web.streaming" not in loaded


def test_what_is_listed_is_the_standard_library() -> None:
    also = [name for names in ALSO_ALLOWED.values() for name in names]
    tops = {name.partition(".")[0] for name in (*ALLOWED, *also)}
    assert tops <= set(sys.stdlib_module_names)


def test_a_module_beyond_the_list_would_be_seen() -> None:
    assert "sqlite3" in loaded_by("lexigram.contracts.web", "sqlite3") - loaded_by(
        *ALLOWED
    )


def test_every_public_part_is_looked_at() -> None:
    assert {"lexigram.result", "lexigram.contracts", "lexigram.contracts.web"} <= set(
        public_modules()
    )
