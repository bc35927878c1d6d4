"""Can a function be called in every way that another one can?"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from inspect import Parameter
from typing import (
    Any,
    Final,
    Unpack,
    get_args,
    get_origin,
    get_type_hints,
    is_typeddict,
)

__all__ = ["parameter_problems"]

_BY_POSITION: Final = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)
_BY_NAME: Final = (Parameter.POSITIONAL_OR_KEYWORD, Parameter.KEYWORD_ONLY)


def parameter_problems(
    wanted: Callable[..., Any], given: Callable[..., Any], *, bound: bool
) -> Iterator[str]:
    """Yield a sentence for each call that `wanted` takes and `given` does not."""
    try:
        taken = _Taken(given, bound=bound)
    except (TypeError, ValueError):  # built-in functions need not have a signature
        return
    position = 0
    for parameter in _parameters(wanted, bound=True):
        if parameter.kind is Parameter.VAR_KEYWORD:
            yield from taken.options(_options(wanted))
        elif parameter.kind is Parameter.VAR_POSITIONAL:
            yield from taken.arguments(position)
        else:
            yield from taken.parameter(position, parameter)
            position += parameter.kind in _BY_POSITION
    yield from taken.left_over()


class _Taken:
    """What a function takes, and which of it was asked for."""

    def __init__(self, function: Callable[..., Any], *, bound: bool) -> None:
        parameters = _parameters(function, bound=bound)
        kinds = {parameter.kind for parameter in parameters}
        self._any_position = Parameter.VAR_POSITIONAL in kinds
        self._any_name = Parameter.VAR_KEYWORD in kinds
        self._typed = _options(function) if self._any_name else None
        self._positional = [p for p in parameters if p.kind in _BY_POSITION]
        self._named = {p.name: p for p in parameters if p.kind in _BY_NAME}
        self._filled: set[str] = set()
        self._asked: set[str] = set()

    def parameter(self, position: int, wanted: Parameter) -> Iterator[str]:
        """Yield what is wrong with the parameter that stands for `wanted`."""
        name, own = wanted.name, self._ask(position, wanted)
        if wanted.kind in _BY_POSITION and not self._takes_at(position, wanted):
            yield f"takes no {name!r} as argument {position + 1}."
        elif wanted.kind in _BY_NAME and not self._takes_by_name(position, wanted):
            yield f"takes no {name!r} by name."
        elif wanted.kind is Parameter.KEYWORD_ONLY and name in self._filled:
            yield f"takes {name!r} in the place of another argument."
        optional = wanted.default is not Parameter.empty
        if optional and own is not None and own.default is Parameter.empty:
            yield f"requires {name!r}; the protocol's has a default."

    def arguments(self, position: int) -> Iterator[str]:
        """Yield what is wrong with how it takes `*args` from this position on."""
        if not self._any_position:
            yield "takes no `*args`."
        self._filled |= {p.name for p in self._positional[position:]}

    def options(self, options: Mapping[str, bool] | None) -> Iterator[str]:
        """Yield what is wrong with how it takes `**options`, of these names or any."""
        if options is None:
            if not self._any_name:
                yield "takes no `**options`."
            return
        for name, required in options.items():
            own = self._named.get(name)
            if own is not None:
                self._asked.add(name)
            if not self._takes_name(name):
                yield f"takes no option {name!r}."
            elif own is not None and own.default is Parameter.empty and not required:
                yield f"requires the option {name!r}."

    def left_over(self) -> Iterator[str]:
        """Yield what it requires and was not asked for."""
        every = {p.name: p for p in self._positional} | self._named
        for name, parameter in every.items():
            if parameter.default is Parameter.empty and name not in self._asked:
                yield f"requires {name!r}, which the protocol does not have."

    def _ask(self, position: int, wanted: Parameter) -> Parameter | None:
        """Return what stands for a parameter; None when only `*args` or `**options` may."""
        if wanted.kind is Parameter.POSITIONAL_ONLY:
            at_place = self._positional[position : position + 1]
            own = at_place[0] if at_place else None
            self._filled |= {parameter.name for parameter in at_place}
        else:
            own = self._named.get(wanted.name)
        if own is not None:
            self._asked.add(own.name)
        return own

    def _takes_name(self, name: str) -> bool:
        if name in self._named:
            return True
        return self._any_name and (self._typed is None or name in self._typed)

    def _takes_by_name(self, position: int, wanted: Parameter) -> bool:
        # What has a place of its own does not go into `**options` as well.
        by_position = wanted.kind in _BY_POSITION and position < len(self._positional)
        return wanted.name in self._named or (
            not by_position and self._takes_name(wanted.name)
        )

    def _takes_at(self, position: int, wanted: Parameter) -> bool:
        by_name = wanted.kind is Parameter.POSITIONAL_OR_KEYWORD
        if position >= len(self._positional):
            # Of `*args` it would not come to the argument of that name.
            return self._any_position and not (by_name and wanted.name in self._named)
        return not by_name or self._positional[position].name == wanted.name


def _parameters(function: Callable[..., Any], *, bound: bool) -> list[Parameter]:
    parameters = list(inspect.signature(function).parameters.values())
    first_is_self = bound and parameters and parameters[0].kind in _BY_POSITION
    return parameters[1:] if first_is_self else parameters


def _options(function: Callable[..., Any]) -> Mapping[str, bool] | None:
    """Return the names of typed `**options`, each with whether it is required."""
    try:
        hints = get_type_hints(inspect.unwrap(function))
    except Exception:  # noqa: BLE001 - annotations may name what is not there at run time
        return None
    for parameter in inspect.signature(function).parameters.values():
        hint = hints.get(parameter.name)
        if parameter.kind is Parameter.VAR_KEYWORD and get_origin(hint) is Unpack:
            (typed,) = get_args(hint)
            if is_typeddict(typed):
                required = typed.__required_keys__
                return {name: name in required for name in get_type_hints(typed)}
    return None
