"""The public API of built wheels, as lines of text.

Public is what `__all__` lists in a module whose path has no underscore. A class comes
with its own members and with those inherited from classes that are not public.
"""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from griffe import (
    Alias,
    AliasResolutionError,
    Attribute,
    Class,
    Expr,
    ExprCall,
    ExprKeyword,
    Module,
    Object,
    load,
)

# The lines of each path; more than one where a function is overloaded.
Entries = dict[str, list[str]]

# A public path, who ships it, and what it stands for.
Listed = tuple[str, str, Object | None]

# Special methods and attributes that no caller relies on.
UNPROMISED = {"__dir__", "__module__", "__reduce__", "__repr__", "__slots__"}


@dataclass(frozen=True)
class PublicName:
    """One name under one public path.

    Attributes:
        path: Where it can be imported from.
        home: The path to import it from; `path` itself, unless it has several.
        distribution: Which one ships the module that lists the name.
        value: What it stands for; None when that is another project's.
    """

    path: str
    home: str
    distribution: str
    value: Object | None


@dataclass(frozen=True)
class API:
    """What distributions offer.

    Attributes:
        entries: The lines of each public path, by distribution.
        second_paths: Every path that is not its object's home, and that home.
    """

    entries: Mapping[str, Entries]
    second_paths: Mapping[str, str]


def read_api(wheels: Mapping[str, Path], folder: Path) -> API:
    """Read what wheels offer; `folder` is scratch space."""
    names = public_names(wheels, folder)
    return API(
        {distribution: entries(names, distribution) for distribution in wheels},
        {name.path: name.home for name in names if name.path != name.home},
    )


def public_names(wheels: Mapping[str, Path], folder: Path) -> list[PublicName]:
    """Read what wheels offer, without importing it; `folder` is scratch space.

    Griffe does not follow an extended `__path__`, so the editable workspace is no use.
    """
    shipped: dict[str, str] = {}
    for distribution, wheel in wheels.items():
        shutil.unpack_archive(wheel, folder, "zip")
        shipped |= dict.fromkeys(zipfile.ZipFile(wheel).namelist(), distribution)
    package = load("lexigram", search_paths=[folder], allow_inspection=False)
    listed: list[Listed] = []
    for module in _public_modules(package):
        for name in sorted(str(name) for name in module.exports or ()):
            file = Path(str(module.filepath)).relative_to(folder).as_posix()
            value = _resolved(module, name)
            listed.append((f"{module.path}.{name}", shipped[file], value))
    homes = _homes(listed, folder, shipped)
    return [
        PublicName(path, homes[_identity(path, value)], distribution, value)
        for path, distribution, value in sorted(listed, key=lambda entry: entry[0])
    ]


def entries(names: list[PublicName], distribution: str) -> Entries:
    """Return the lines of a distribution's public paths."""
    public = {name.value.path for name in names if name.value}
    found: Entries = {}
    for name in names:
        if name.distribution != distribution:
            continue
        if name.path != name.home or name.value is None:
            found[name.path] = [f"{name.path} = {name.home}"]
            continue
        found[name.path] = _lines(name.path, name.value)
        if isinstance(name.value, Class):
            for member, value in _members(name.value, public):
                path = f"{name.path}.{member}"
                found[path] = _lines(path, value)
    return dict(sorted(found.items()))


def _public_modules(module: Object | Alias) -> Iterator[Module]:
    if not isinstance(module, Module) or module.name.startswith("_"):
        return
    yield module
    for inner in module.modules.values():
        yield from _public_modules(inner)


def _resolved(module: Module, name: str) -> Object | None:
    if name not in module.members:
        raise RuntimeError(f"{module.path}.__all__ lists {name!r}, which is not there.")
    member = module.members[name]
    if not isinstance(member, Alias):
        return member
    try:
        return member.final_target
    except AliasResolutionError:
        return None


def _identity(path: str, value: Object | None) -> str:
    return path if value is None else value.path


def _homes(
    listed: list[Listed], folder: Path, shipped: Mapping[str, str]
) -> dict[str, str]:
    """Choose the one path of each object: its own distribution's, the shortest."""
    ranked: dict[str, list[tuple[bool, int, str]]] = {}
    for path, distribution, value in listed:
        foreign = False
        if value is not None:
            file = Path(str(value.filepath)).relative_to(folder).as_posix()
            foreign = shipped[file] != distribution
        ranked.setdefault(_identity(path, value), []).append(
            (foreign, path.count("."), path)
        )
    return {identity: min(paths)[2] for identity, paths in ranked.items()}


def _members(owner: Class, public: set[str]) -> Iterator[tuple[str, Object]]:
    for name, member in sorted(owner.all_members.items()):
        special = name.startswith("__") and name.endswith("__")
        if name in UNPROMISED or (name.startswith("_") and not special):
            continue
        value = member.final_target if isinstance(member, Alias) else member
        home = value.parent.path if value.parent else ""
        if home == owner.path or home not in public:
            yield name, value


def _lines(path: str, value: Object) -> list[str]:
    """Return what a name promises: a line, or one for each overload."""
    if value.is_function:
        prefix = "async def" if "async" in value.labels else "def"
        return [
            _one_line(f"{_decorators(each)}{prefix} {each.signature(name=path)}")
            for each in getattr(value, "overloads", None) or [value]
        ]
    if isinstance(value, Class):
        bases = ", ".join(str(base) for base in value.bases)
        shown = f"({bases})" if bases else ""
        return [_one_line(f"{_decorators(value)}class {path}{shown}")]
    return [_one_line(_attribute(path, value))]


def _attribute(path: str, value: Object) -> str:
    """Show a module's or a class's variable with its value, other ones without."""
    if not isinstance(value, Attribute):
        return f"{value.kind.value} {path}"
    prefix = "property " if "property" in value.labels else ""
    shown = f"{prefix}{path}"
    if value.annotation is not None:
        shown += f": {value.annotation}"
    # What an instance's attribute is set to in `__init__` is no promise.
    if value.value is not None and value.labels & {
        "class-attribute",
        "module-attribute",
    }:
        shown += f" = {_without_description(value.value)}"
    return shown


def _without_description(value: str | Expr) -> str:
    """Show a value; of a pydantic field, all but its wording, which is no promise."""
    if not isinstance(value, ExprCall):
        return str(value)
    arguments = [
        str(argument)
        for argument in value.arguments
        if not (isinstance(argument, ExprKeyword) and argument.name == "description")
    ]
    return f"{value.function}({', '.join(arguments)})"


def _decorators(value: Object) -> str:
    decorators = getattr(value, "decorators", ())
    return "".join(f"@{decorator.value} " for decorator in decorators)


def _one_line(text: str) -> str:
    return " ".join(text.splitlines())
