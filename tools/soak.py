"""Many calls through many faults, and whether anything is lost or left over.

    uv run python tools/soak.py                  200,000 calls in ten minutes
    uv run python tools/soak.py --seconds 60     a tenth of it
    uv run python tools/soak.py --seed 7         the calls and the chaos of this seed
    uv run python tools/soak.py --write          keeps the figures in docs/reports/

Calls go to a server in another process, whose answers break in every way there is, and
which is ended and started again meanwhile. Its name moves between addresses, callers
leave at random moments, the pipeline is configured anew, a client that shares the pool
is stopped and started. In the end every call has to be accounted for, the counts of the
callers, the server and the metrics have to agree, and nothing may be left open.
"""

from __future__ import annotations

import argparse
import platform
import sys
from collections.abc import Iterator
from importlib.metadata import version
from random import SystemRandom
from typing import Final

from soaking.run import CALLS, SECONDS, Soaked, counts, soak
from soaking.verdict import GROWTH

from environments import ROOT

REPORT: Final = ROOT / "docs" / "reports" / "soak.md"

HEAD: Final = """# Soak: what is lost, and what is left over

Made by `uv run python tools/soak.py --write`, which needs ten minutes.

CPython {python}, aiohttp {aiohttp}, loopback; the server is another process. {calls:,}
calls by 32 tasks in {seconds:.0f} s, seed {seed}. One in ten is cancelled after at most
30 ms, one in ten goes through a client that is stopped and started all the time, one in
ten is an upload in chunks, one in ten a stream.

What has to hold, and does: every call that began was answered, failed or cancelled; for
each of them the server received no fewer requests than the client is certain of and no
more than it admits; metrics and callers agree on every method and outcome; no place in
the pool and no permit of a policy is held; no task, file descriptor or connection is
left; the event loop was told of no error, no finalizer of a resource; resident memory
at the end is at most {growth:.0%} of that after the warm-up, a fifth of the calls.
"""


def report(soaked: Soaked) -> Iterator[str]:
    """Give the lines of the report."""
    facts = {
        "python": platform.python_version(),
        "aiohttp": version("aiohttp"),
        "calls": soaked.calls,
        "seconds": soaked.seconds,
        "seed": soaked.seed,
        "growth": GROWTH,
    }
    yield HEAD.format_map(facts)
    yield from _table("calls", _calls(soaked))
    yield from _table("outcome of a call", _outcomes(soaked))
    yield from _table("around them", _surroundings(soaked))


def _calls(soaked: Soaked) -> Iterator[tuple[str, str]]:
    books = soaked.books
    yield "began", f"{books.began:,}"
    yield "answered, with any status", f"{books.answered.total():,}"
    yield "failed without an answer", f"{books.failed.total():,}"
    yield "cancelled by their callers", f"{books.cancelled:,}"
    yield "refused by a client that was stopped", f"{books.unmeasured:,}"
    yield "requests that the server received", f"{soaked.received:,}"
    yield "requests that the client is certain of", f"{sum(books.certain):,}"
    yield "requests that it does not rule out", f"{sum(books.possible):,}"
    yield "executions of the pipeline", f"{soaked.executions:,}"


def _outcomes(soaked: Soaked) -> Iterator[tuple[str, str]]:
    every = counts(soaked.books.answered) + counts(soaked.books.failed)
    for word, number in sorted(every.items()):
        yield word.replace("_", " "), f"{number:,}"


def _surroundings(soaked: Soaked) -> Iterator[tuple[str, str]]:
    for name, number in soaked.chaos.items():
        yield name, f"{number:,}"
    if soaked.pool is not None:
        yield "connections opened", f"{soaked.pool.opened:,}"
        yield "requests on a connection that was open", f"{soaked.pool.reused:,}"
    yield "resident after the warm-up", f"{soaked.warm / 2**20:.1f} MiB"
    growth = soaked.end / soaked.warm
    yield "resident at the end", f"{soaked.end / 2**20:.1f} MiB ({growth:.1%})"


def _table(name: str, rows: Iterator[tuple[str, str]]) -> Iterator[str]:
    yield f"| {name} | |"
    yield "|---|--:|"
    for what, number in rows:
        yield f"| {what} | {number} |"
    yield ""


def main() -> int:
    """Soak, print, and say whether all is well."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--seconds", type=float, default=SECONDS, help=f"{CALLS:,} calls in 600 s"
    )
    parser.add_argument("--seed", type=int, default=SystemRandom().randrange(2**16))
    parser.add_argument("--write", action="store_true", help=f"keep {REPORT.name}")
    chosen = parser.parse_args()
    print(f"seed {chosen.seed}", flush=True)
    soaked = soak(chosen.seed, chosen.seconds)
    text = "\n".join(report(soaked)).rstrip() + "\n"
    print(text)
    for problem in soaked.problems:
        print(f"PROBLEM: {problem}")
    if soaked.problems:
        print(
            f"Repeat it: uv run python tools/soak.py --seed {chosen.seed} "
            f"--seconds {chosen.seconds:g}"
        )
        return 1
    if chosen.write:
        REPORT.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
