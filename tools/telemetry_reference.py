"""The reference of metrics and log events: the names from the code, what they mean here.

    uv run python tools/telemetry_reference.py --write

The code is read, not run. A name in the code that `telemetry.toml` does not explain, and
one that it explains and nobody emits, is an error.
"""

from __future__ import annotations

import argparse
import ast
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Final

from environments import DISTRIBUTIONS, ROOT

__all__ = ["REFERENCE", "emitted_events", "emitted_metrics", "explained", "page"]

REFERENCE: Final = ROOT / "docs" / "reference" / "telemetry.md"
SOURCE: Final = Path(__file__).with_name("telemetry.toml")

_LEVELS: Final = {"debug", "info", "warning", "error", "exception", "critical", "log"}
_LOGGERS: Final = {"_log", "log", "_logger", "logger"}
_EVENT: Final = re.compile(r"[a-z]+(\.[a-z_<>]+)+")
_KINDS: Final = {
    "increment": "counter", "_count": "counter",
    "gauge": "gauge", "_set": "gauge",
    "histogram": "histogram", "_observe": "histogram",
    "create_counter": "counter", "create_histogram": "histogram",
}  # fmt: skip


@dataclass(frozen=True, order=True)
class Emitted:
    """A name in the code.

    Attributes:
        name: As it is emitted; what varies stands in angle brackets.
        what: The kind of a metric, or the logger of an event.
    """

    name: str
    what: str


@cache
def _trees() -> dict[str, ast.Module]:
    """Return every module that may emit; the test kit emits nothing of its own."""
    found: dict[str, ast.Module] = {}
    for name in DISTRIBUTIONS:
        if name == "lexigram-testing":
            continue
        source = ROOT / "packages" / name / "src"
        for file in sorted(source.rglob("*.py")):
            module = ".".join(file.relative_to(source).with_suffix("").parts)
            found[module.removesuffix(".__init__")] = ast.parse(file.read_text())
    return found


def _constants(tree: ast.Module) -> dict[str, str]:
    """Return the strings that are assigned to names at the top of a module."""
    found: dict[str, str] = {}
    for node in tree.body:
        target = None
        if isinstance(node, ast.Assign) and len(node.targets) == 1:
            target = node.targets[0]
        elif isinstance(node, ast.AnnAssign):
            target = node.target
        value = getattr(node, "value", None)
        match target, value:
            case ast.Name(id=name), ast.Constant(value=str(text)):
                found[name] = text
    return found


def _known(tree: ast.Module) -> dict[str, str]:
    """Return the constants of a module, those that it imports included."""
    found: dict[str, str] = {}
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and node.module in _trees():
            theirs = _constants(_trees()[node.module])
            found |= {
                alias.asname or alias.name: theirs[alias.name]
                for alias in node.names
                if alias.name in theirs
            }
    return found | _constants(tree)


def _text(node: ast.expr, constants: dict[str, str]) -> str | None:
    """Return the string that an expression is, with what varies in angle brackets."""
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.Name(id=name):
            return constants.get(name)
        case ast.JoinedStr(values=parts):
            return "".join(_text(part, constants) or "" for part in parts)
        case ast.FormattedValue(value=ast.Name(id=name)):
            return f"<{name}>"
        case ast.BinOp(left=left, op=ast.Add(), right=ast.Name(id=name)):
            before = _text(left, constants)
            after = constants.get(name, f"<{name}>")
            return None if before is None else before + after
        case _:
            return None


def _calls(tree: ast.Module) -> Iterator[tuple[str, str, ast.Call]]:
    """Yield what is called of what: `_log`, `warning` and the call."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            owner = node.func.value
            name = owner.id if isinstance(owner, ast.Name) else ast.unparse(owner)
            yield name, node.func.attr, node


def emitted_metrics() -> set[Emitted]:
    """Return every metric of the code."""
    found: set[Emitted] = set()
    for tree in _trees().values():
        constants = _known(tree)
        for method, argument in _recorded(tree):
            name = _text(argument, constants)
            if method.startswith("_") and name is not None:
                name = constants.get("_PREFIX", "") + name
            # A variable called `name` is that of what passes one on.
            if name and _EVENT.fullmatch(name) and not name.endswith("<name>"):
                found.add(Emitted(name, _KINDS[method]))
    return found


def _recorded(tree: ast.Module) -> Iterator[tuple[str, ast.expr]]:
    """Yield the method that records, and what it is given as a name."""
    for _, method, call in _calls(tree):
        if method in _KINDS and call.args:
            yield method, call.args[0]
        # `self._safely(metrics.increment, NAME, …)`
        for function, argument in pairwise(call.args):
            if isinstance(function, ast.Attribute) and function.attr in _KINDS:
                yield function.attr, argument


def emitted_events() -> set[Emitted]:
    """Return every log event of the code."""
    found: set[Emitted] = set()
    for tree in _trees().values():
        constants = _known(tree)
        logger = _logger(tree)
        if logger is None:
            continue
        for owner, method, call in _calls(tree):
            if owner not in _LOGGERS or method not in _LEVELS:
                continue
            texts = [_text(arg, constants) for arg in call.args[:2]]
            names = [text for text in texts if text and _EVENT.fullmatch(text)]
            found |= {Emitted(name, logger) for name in names or _table(tree)}
    return found


def _table(tree: ast.Module) -> Iterator[str]:
    """Yield the events of a module that looks its own up in a table."""
    for node in tree.body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.value, ast.Dict):
            for leaf in ast.walk(node.value):
                text = _text(leaf, {}) if isinstance(leaf, ast.Constant) else None
                if text and _EVENT.fullmatch(text):
                    yield text


def _logger(tree: ast.Module) -> str | None:
    for node in tree.body:
        value = getattr(node, "value", None)
        if isinstance(value, ast.Call) and ast.unparse(value.func).lower().endswith(
            ("getlogger", "get_logger")
        ):
            name = _text(value.args[0], {})
            if name is not None:
                return name
    return None


def explained() -> dict[str, dict[str, dict[str, str]]]:
    """Return what `telemetry.toml` says of each metric and each event."""
    return tomllib.loads(SOURCE.read_text())


def page() -> str:
    """Return the reference."""
    said = explained()
    lines = [
        "<!-- By tools/telemetry_reference.py; do not edit. -->",
        "",
        "# Metrics and log events",
        "",
        "Every name that the distributions emit. What varies stands in angle brackets.",
        "Names and tags are public: they change as the API does.",
        "",
        "## Metrics",
        "",
        "They go to the `MetricsRecorderProtocol` that is registered, or to nobody.",
        "Durations are in seconds. What listens to the events of policies adds the tags",
        "`policy` and `key` to each of its metrics; from the 101st key on, `key` is",
        '"other".',
        "",
        "| metric | kind | tags | when |",
        "|---|---|---|---|",
    ]
    for one in sorted(emitted_metrics()):
        entry = said["metrics"][one.name]
        lines.append(
            f"| `{one.name}` | {one.what} | {entry['tags']} | {entry['when']} |"
        )
    lines += [
        "",
        "`lexigram[otel]` and `lexigram[prometheus]` say in their modules by which names",
        "they pass them on.",
        "",
        "## Log events",
        "",
        "A record's message is the name of the event; what it tells is in the fields",
        "(`extra`). No field shows a secret. A library's loggers have no handler: what is",
        "not configured is not printed.",
        "",
        "| event | logger | level | fields | when |",
        "|---|---|---|---|---|",
    ]
    for one in sorted(emitted_events()):
        entry = said["events"][one.name]
        lines.append(
            f"| `{one.name}` | `{one.what}` | {entry['level']} | {entry['fields']} "
            f"| {entry['when']} |"
        )
    return "\n".join(lines) + "\n"


def main() -> None:
    """Print the reference, or write it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--write", action="store_true", help=f"to {REFERENCE.name}")
    if parser.parse_args().write:
        REFERENCE.write_text(page())
    else:
        print(page())


if __name__ == "__main__":
    main()
