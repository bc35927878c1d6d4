"""Type hints of a function, also those that only a type checker imports."""

from __future__ import annotations

import ast
import builtins
import difflib
import functools
import importlib
import importlib.util
import inspect
import sys
from collections.abc import Callable, Iterator
from typing import Any, get_type_hints

from lexigram.di._errors import ModuleError

__all__ = ["read_hints", "where"]


def read_hints(function: Callable[..., Any]) -> dict[str, Any]:
    """Return the evaluated hints of `function`.

    Linters move imports that only hints use under `if TYPE_CHECKING:`, where they do
    not exist at run time. A name found missing is imported as that block says.

    Raises:
        ModuleError: A name is defined nowhere that can be seen, or a hint is none.
    """
    try:
        return _evaluate(function)
    except Exception as error:  # hints are code, and run that of what they import
        why = f"{type(error).__name__}: {error}."
        if isinstance(error, NameError):
            name = error.name or "a name"
            why = (
                f"{name!r} is not defined there.{_near(name, function)} "
                "Import it in that module, or define it at module level."
            )
        raise ModuleError(
            f"Cannot read the hints of `{_name(function)}` ({where(function)}): {why}"
        ) from error


def _evaluate(function: Callable[..., Any]) -> dict[str, Any]:
    imported: dict[str, Any] = {}
    while True:
        try:
            return get_type_hints(function, localns=imported, include_extras=True)
        except NameError as error:
            guarded = _guarded_imports(getattr(function, "__module__", ""))
            if error.name in imported or error.name not in guarded:
                raise
            imported[error.name] = _load(*guarded[error.name])


def where(target: Any) -> str:
    """Return the place a class or function was written, as "file:line"."""
    target = inspect.unwrap(getattr(target, "func", target))
    code = getattr(getattr(target, "__init__", None), "__code__", None)
    code = getattr(target, "__code__", code)
    if code is not None and not code.co_filename.startswith("<"):
        return f"{code.co_filename}:{code.co_firstlineno}"
    try:
        return f"{inspect.getsourcefile(target)}:{inspect.getsourcelines(target)[1]}"
    except (OSError, TypeError):  # built in, or written at a prompt
        return "unknown place"


def _near(name: str, function: Callable[..., Any]) -> str:
    known = [*getattr(function, "__globals__", ()), *vars(builtins)]
    near = difflib.get_close_matches(name, known, n=1)
    return f" Did you mean {near[0]!r}?" if near else ""


def _name(function: Callable[..., Any]) -> str:
    name: str = getattr(function, "__qualname__", repr(function))
    return name.rpartition("<locals>.")[2].removesuffix(".__init__")


def _load(module: str, attribute: str | None) -> Any:
    loaded = importlib.import_module(module)
    return loaded if attribute is None else getattr(loaded, attribute)


@functools.cache
def _guarded_imports(module_name: str) -> dict[str, tuple[str, str | None]]:
    """Return what `if TYPE_CHECKING:` imports: its name, its module and attribute."""
    module = sys.modules.get(module_name)
    try:
        tree = ast.parse(inspect.getsource(module)) if module else ast.Module([], [])
    except (OSError, TypeError):  # no source: frozen, or written at a prompt
        return {}
    package = getattr(module, "__package__", None) or ""
    return {
        name: target
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) in _GUARDS
        for statement in node.body
        for name, target in _names(statement, package)
    }


_GUARDS = ("TYPE_CHECKING", "typing.TYPE_CHECKING")


def _names(
    statement: ast.stmt, package: str
) -> Iterator[tuple[str, tuple[str, str | None]]]:
    if isinstance(statement, ast.ImportFrom):
        relative = "." * statement.level + (statement.module or "")
        module = importlib.util.resolve_name(relative, package)
        for alias in statement.names:
            yield alias.asname or alias.name, (module, alias.name)
    elif isinstance(statement, ast.Import):
        for alias in statement.names:
            bound = alias.asname or alias.name.partition(".")[0]
            yield bound, (alias.name if alias.asname else bound, None)
