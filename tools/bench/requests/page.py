"""docs/performance.md, made of the figures that are kept."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from string import Template
from typing import Any, Final

from bench.requests.bodies import POST
from bench.requests.contestant import CONTESTANTS
from bench.requests.kept import Found
from bench.requests.matrix import LOADS, Load
from bench.requests.table import better, growth, instructions, of_loads, of_targets

__all__ = ["page"]

_TEXT: Final = """\
# Performance

Made by `uv run --group bench python tools/request_cost.py --write`, which measures
everything below in some minutes; the figures are kept in
[requests.json](reports/data/requests.json).

$python on $processor, $processors processors, $kernel, $date, with a load of $load when
it began; $versions. The server is $server on the same machine.

A client that does more than aiohttp should cost no more than aiohttp. What is compared is
the time of the processor that a client needs for a call whose body it parses, by that of
a plain `aiohttp.ClientSession` in the same round: below 1, it needs less.

## What has to be reached

"With everything" is the standard resilience pipeline (retry and its budget, circuit
breaker, bulkhead, limits of time for the call and the attempt), a metrics recorder and
two interceptors. All of ours have the cookie jar on and the proxies of the environment
respected, as they come.

$targets

## Small calls

Each cell is the median ratio to aiohttp and the microseconds of the processor per call.

$small

![What a small call costs](reports/requests.svg)

### 1,000 calls at once

$growth

Those that wait for one of ten connections cost what they cost at 50 at once. With a
connection for each, all of them are in flight together, and Python's garbage collector
looks through them again and again: that alone is a third of the time here, for aiohttp as
for us. A process that needs so many connections does well to let it look less often:
`gc.set_threshold(50_000)` leaves a twentieth of it.

## Bodies

$bodies

![What a call with a body costs](reports/requests-bodies.svg)

## With uvloop

$uvloop

## Instructions

Counted by valgrind for one call after the other, without the server. Repeated, the counts
are less than 1 % apart, whatever else the machine does: this is what the gate
(`uv run python tools/check.py instructions`) holds against `tools/instructions.toml`,
beyond which a count may grow by 3 %.

$instructions

## Waiting for a connection

$waiting

## Import

$imports

## Where others are better

$better

What is not compared here: `httpx` and `pyreqwest` speak HTTP/2, `niquests` HTTP/3 as
well, which changes what many small calls to one distant host cost. The time of the clock
is that of this machine's loopback, where nothing is far.

## Who takes part

$contestants

All have as many connections as there are calls at once, but for `ours-pool-of-10`, and
limits of time that are not reached; else they are as they come. Each runs in a process of
its own, in turns, $rounds rounds; httpx and niquests, which take many times longer, in
each fifth. A run opens a client, lets it get warm, and counts the calls until its time is
used up. The first and the last of a round is aiohttp, and the ratio is to the mean of
both.

## How to repeat

```console
uv run --group bench python tools/request_cost.py --quick
uv run --group bench python tools/request_cost.py --only ours --load "GET 100 B"
uv run python tools/instructions.py --repeat 3
```

nginx comes with Debian's package nginx-light, instructions with valgrind; without the
first, a server written with asyncio stands in, and without the second they are left out.
"""


def page(found: Found) -> str:
    """Return the page."""
    asyncio = [load for load in LOADS if load.loop == "asyncio"]
    tables = {
        "targets": of_targets(found),
        "small": of_loads(found, [load for load in asyncio if load.path == "/100"]),
        "growth": growth(found),
        "bodies": of_loads(found, [load for load in asyncio if _has_body(load)]),
        "uvloop": of_loads(found, [load for load in LOADS if load.loop == "uvloop"]),
        "instructions": instructions(found),
        "waiting": _waiting(found.get("waiting", ())),
        "imports": _imports(found.get("imports", {})),
        "better": list(better(found)) or ["Nowhere among the loads above."],
        "contestants": (f"- **{c.name}**: {c.shown}" for c in CONTESTANTS),
    }
    texts = {name: "\n".join(lines) for name, lines in tables.items()}
    return Template(_TEXT).substitute(texts | _facts(found))


def _has_body(load: Load) -> bool:
    return load.path in ("/10k", "/1m", POST)


def _facts(found: Found) -> dict[str, Any]:
    versions = ", ".join(f"{n} {v}" for n, v in found["versions"].items())
    about: dict[str, Any] = {
        name: found[name] for name in ("python", "date", "server", "rounds")
    }
    return {**about, "versions": versions, **found["machine"]}


def _waiting(found: Iterable[Mapping[str, Any]]) -> Iterable[str]:
    yield "| for a pool of 100 | bytes each, allocated | resident | answered | displaced |"
    yield "|---|--:|--:|--:|--:|"
    by_name: dict[str, dict[str, Mapping[str, Any]]] = {}
    for each in found:
        by_name.setdefault(each["contestant"], {})[each["kind"]] = each
    for name, kinds in by_name.items():
        allocated = kinds["allocated"]
        resident = f"{kinds['resident']['bytes']:,}" if "resident" in kinds else ""
        yield (
            f"| {name} | {allocated['bytes']:,} | {resident} | "
            f"{allocated['answered']:,} of {allocated['calls']:,} | "
            f"{allocated['displaced']} |"
        )
    yield ""
    yield (
        "The task of the caller is included. Displaced is how many places a call was "
        "served at most before or after its turn."
    )


def _imports(found: Mapping[str, Any]) -> Iterable[str]:
    counts: Mapping[str, int] = found.get("millions_of_instructions", {})
    yield "| | ms of the processor | millions of instructions |"
    yield "|---|--:|--:|"
    for statement, time in found.get("milliseconds", {}).items():
        yield f"| `{statement}` | {time:.0f} | {counts.get(statement, '')} |"
    yield ""
    yield (
        "The import alone, medians of new processes in turns; the ratio is the median of "
        "those of each turn. Instructions are those of a process, without what an empty "
        "one takes. Most of the difference is pydantic, which the configuration is "
        "written with."
    )
