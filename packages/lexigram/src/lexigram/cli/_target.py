"""Finding the application that the command line names."""

from __future__ import annotations

import importlib
import inspect
import os
import sys
import traceback
from collections.abc import Iterator
from types import ModuleType
from typing import Any, ClassVar

from lexigram.application import Application
from lexigram.contracts.di import MODULE_ATTRIBUTE, ModuleDefinition
from lexigram.contracts.errors import LexigramError
from lexigram.contracts.suggestions import did_you_mean

__all__ = ["TargetError", "find_application"]


class TargetError(LexigramError):
    """What the command line names is not there, or is no application."""

    code: ClassVar[str] = "cli.target"


def find_application(target: str) -> Application:
    """Return the application that `module:attribute` names, or one of its module.

    Raises:
        TargetError: It cannot be imported, or is nothing of the kind.
    """
    name, _, attribute = target.partition(":")
    if not (name and attribute) or name.endswith(".py") or "/" in name:
        meant = name.removesuffix(".py").strip("./").replace("/", ".")
        raise TargetError(
            f"{target!r} does not say what to look at. Write module:attribute, such as "
            f"'{meant or 'app'}:{attribute or 'AppModule'}'."
        )
    module = _import(name)
    found: Any = module
    for part in attribute.split("."):
        if not hasattr(found, part):
            known = sorted(_candidates(module)) if found is module else dir(found)
            raise TargetError(f"{name!r} has no {part!r}. {did_you_mean(part, known)}")
        found = getattr(found, part)
    if inspect.isroutine(found) and not inspect.iscoroutinefunction(found):
        return _application(_call(found, target), target)
    return _application(found, target)


def _application(found: Any, target: str) -> Application:
    if isinstance(found, Application):
        return found
    if _is_module(found):
        return Application(found)
    raise TargetError(
        f"{target} is {_article(found)}, neither a module nor an application. Decorate "
        "the class with `@module(...)`, or name an `Application`."
    )


def _import(name: str) -> ModuleType:
    # A console script has its own folder there instead, `python -m` has it already.
    if (here := os.getcwd()) not in sys.path:  # noqa: PTH109 - `sys.path` holds text
        sys.path.insert(0, here)
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name and f"{name}.".startswith(f"{error.name}."):
            raise TargetError(
                f"There is no module {error.name!r} in {here} or among what is "
                "installed. Run the command where the module is, or correct the name."
            ) from None
        raise _failed(name, error) from error
    except SystemExit as error:
        raise TargetError(
            f"{name!r} ends the process when it is imported. Put what runs it below "
            "`if __name__ == '__main__':`."
        ) from error
    except Exception as error:  # whatever the user's module raises is for them to see
        raise _failed(name, error) from error


def _call(factory: Any, target: str) -> Any:
    try:
        return factory()
    except Exception as error:  # as above: the user's own function
        raise TargetError(
            f"{target}() failed: {_summary(error)}{_place(error)}."
        ) from error


def _failed(name: str, error: Exception) -> TargetError:
    return TargetError(f"Cannot import {name!r}: {_summary(error)}{_place(error)}.")


def _summary(error: Exception) -> str:
    if isinstance(error, SyntaxError):
        return f"{error.msg} ({error.filename}:{error.lineno})"
    text = str(error).rstrip(".")
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _place(error: Exception) -> str:
    """Return the line of the user's code that an error came through last."""
    if isinstance(error, SyntaxError):
        return ""  # said by itself
    here = os.getcwd()  # noqa: PTH109 - compared with text
    frames = traceback.extract_tb(error.__traceback__)
    theirs = [
        one
        for one in frames
        if one.filename.startswith(here) and "site-packages" not in one.filename
    ]
    return f" ({theirs[-1].filename}:{theirs[-1].lineno})" if theirs else ""


def _is_module(found: Any) -> bool:
    return isinstance(found, ModuleDefinition) or MODULE_ATTRIBUTE in getattr(
        found, "__dict__", {}
    )


def _candidates(module: ModuleType) -> Iterator[str]:
    for name, value in vars(module).items():
        if _is_module(value) or isinstance(value, Application):
            yield name


def _article(found: Any) -> str:
    return f"the class {found.__name__}" if inspect.isclass(found) else repr(found)
