"""The public API against the snapshots in `tools/api`: one file per distribution.

    uv run python tools/api_snapshot.py            compare, as the gate's step does
    uv run python tools/api_snapshot.py --add      record what is new
    uv run python tools/api_snapshot.py --write    record the code as it is: a release

A line that changed or is gone may break somebody. Until the next release it stays in
the snapshot and is accepted by an entry in `tools/api/waivers.toml`, with a reason; so
is a second public path of one object. An entry that nothing needs is an error.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import unified_diff
from fnmatch import fnmatchcase
from pathlib import Path

from gate_api import API, Entries, read_api

from environments import ROOT, build_wheels

FOLDER = ROOT / "tools" / "api"


@dataclass(frozen=True)
class Waivers:
    """What is accepted, as patterns of paths; each has a reason in the file."""

    second_path: tuple[str, ...] = ()
    breaking: tuple[str, ...] = ()

    @classmethod
    def read(cls, path: Path) -> Waivers:
        """Read a file; an entry without a reason is an error."""
        tables = tomllib.loads(path.read_text())
        found = {kind: tables.pop(kind, []) for kind in cls().by_kind()}
        if tables:
            raise RuntimeError(f"{path.name}: no kind of waiver: {', '.join(tables)}.")
        for waived in (entry for entries in found.values() for entry in entries):
            if set(waived) != {"path", "reason"} or not waived["reason"].strip():
                raise RuntimeError(
                    f"{path.name}: {waived!r} is no waiver. Give it a `path` and a "
                    "`reason`, and nothing else."
                )
        patterns = {kind: tuple(e["path"] for e in es) for kind, es in found.items()}
        return cls(patterns["second-path"], patterns["breaking"])

    def by_kind(self) -> dict[str, tuple[str, ...]]:
        """Return the patterns by the name of their table in the file."""
        return {"second-path": self.second_path, "breaking": self.breaking}


def api() -> None:
    """Compare the public API of the wheels with its snapshots, but for waivers."""
    waivers = Waivers.read(FOLDER / "waivers.toml")
    if found := list(problems(of_workspace(), snapshots(), waivers)):
        raise RuntimeError("\n".join(found))


def of_workspace() -> API:
    """Return the API of the five distributions as their wheels have it."""
    with tempfile.TemporaryDirectory() as folder:
        wheels = build_wheels(Path(folder) / "dist")
        return read_api(wheels, Path(folder) / "unpacked")


def snapshots(folder: Path = FOLDER) -> dict[str, Entries]:
    """Return what was recorded, by distribution."""
    return {path.stem: parse(path.read_text()) for path in sorted(folder.glob("*.txt"))}


def problems(
    api: API, recorded: Mapping[str, Entries], waivers: Waivers
) -> Iterator[str]:
    """Say what differs from the record, what is public twice, and which waiver is idle."""
    broken = set()
    for distribution, now in api.entries.items():
        before = recorded.get(distribution, {})
        broken |= breaks(before, now)
        accepted = [p for p in breaks(before, now) if matches(p, waivers.breaking)]
        expected = now | {path: before[path] for path in accepted}
        if difference := diff(distribution, before, expected):
            yield difference
    for path, home in api.second_paths.items():
        if not matches(path, waivers.second_path):
            yield f"`{path}` is public as `{home}` already. Drop it, or waive it."
    needed = {"second-path": api.second_paths, "breaking": broken}
    for kind, patterns in waivers.by_kind().items():
        for pattern in patterns:
            if not any(matches(path, [pattern]) for path in needed[kind]):
                yield f"Nothing needs the waiver of {kind} {pattern!r}. Delete it."


def matches(path: str, patterns: Iterable[str]) -> bool:
    """Return whether a pattern fits, a `*` standing for no more than one name."""
    parts = path.split(".")
    return any(
        len(wanted) == len(parts) and all(map(fnmatchcase, parts, wanted))
        for wanted in (pattern.split(".") for pattern in patterns)
    )


def breaks(before: Entries, now: Entries) -> set[str]:
    """Return the recorded paths that are gone or read differently."""
    return {path for path, lines in before.items() if now.get(path) != lines}


def diff(distribution: str, before: Entries, expected: Entries) -> str:
    """Return a unified diff, with the way out, or nothing."""
    name = f"tools/api/{distribution}.txt"
    lines = unified_diff(
        render(distribution, before).splitlines(),
        render(distribution, expected).splitlines(),
        name, f"{name} (the code)", n=0, lineterm="",
    )  # fmt: skip
    shown = "\n".join(lines)
    return shown and (
        f"{shown}\nRecord what is new with `tools/api_snapshot.py --add`; waive the "
        "rest in `tools/api/waivers.toml`."
    )


def render(distribution: str, entries: Entries) -> str:
    """Return the text of a snapshot."""
    lines = [line for _, block in sorted(entries.items()) for line in block]
    return "\n".join([f"# The public API of {distribution}.", *lines, ""])


def parse(text: str) -> Entries:
    """Return what `render` was given."""
    found: Entries = {}
    for line in text.splitlines():
        if not line.startswith("#"):
            found.setdefault(path_of(line), []).append(line)
    return found


def path_of(line: str) -> str:
    """Return the path that a line is about; decorators and keywords precede it."""
    match = re.search(r"(?:^|(?:def|class|property|module) )(lexigram[\w.]*)", line)
    if match is None:
        raise RuntimeError(f"No line of a snapshot: {line!r}. Write it again.")
    return match[1]


def record(api: API, folder: Path, *, additions_only: bool) -> None:
    """Write the snapshots; what broke stays as it is if only additions are meant."""
    before = snapshots(folder)
    folder.mkdir(exist_ok=True)
    for distribution, now in api.entries.items():
        kept = before.get(distribution, {}) if additions_only else {}
        path = folder / f"{distribution}.txt"
        path.write_text(render(distribution, now | kept))


def main() -> int:
    """Compare or record."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    choice = parser.add_mutually_exclusive_group()
    choice.add_argument("--add", action="store_true", help="record what is new")
    choice.add_argument("--write", action="store_true", help="record everything")
    arguments = parser.parse_args()
    if arguments.add or arguments.write:
        record(of_workspace(), FOLDER, additions_only=arguments.add)
        return 0
    try:
        api()
    except RuntimeError as error:
        print(error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
