"""What to do about a dependency that nothing provides.

Which module of which distribution exports a key is declared by entry points of the group
`lexigram.exports`, so that neither the core nor the module that asks has to know:

    [project.entry-points."lexigram.exports"]
    "acme.billing.Ledger" = "acme.billing:BillingModule"
    "acme.ports.Mailer" = "acme.mail:MailModule.configure [acme_mail]"

The name is the key, and the value what to import: called when it is a method. In brackets
stands the distribution that has it, unless that is the one which declares it; so what is
not installed can be declared too. All of this is read only while an error is written.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterable, Iterator
from importlib.metadata import (
    EntryPoint,
    PackageNotFoundError,
    distribution,
    entry_points,
)
from itertools import chain
from typing import Any

from typing_extensions import get_protocol_members, is_protocol

from lexigram.di._assembly import Registration
from lexigram.di._hints import where
from lexigram.di._keys import Key, nearest, show
from lexigram.di._recipes import Need

__all__ = ["remedy", "remedy_of_question"]

_GROUP = "lexigram.exports"


def remedy(need: Need, asker: Registration, known: Iterable[Registration]) -> str:
    """Return sentences that say how the need of `asker` can be met."""
    known = list(known)
    imports = f"the imports of {asker.module}"
    ways = chain(_offered(need.key, imports), _fitting(need.key, asker, known))
    return next(ways, None) or (
        f"Add a provider of it to {asker.module}, import a module that exports it, or "
        f"give {need.parameter!r} a default.{nearest(need.key, (k.key for k in known))}"
    )


def remedy_of_question(key: Key, known: Iterable[Key]) -> str:
    """Return a sentence for somebody who asked the application for a key."""
    return (
        nearest(key, known).strip()
        or next(_offered(key, "the application's modules"), None)
        or "Add a provider of it to a module of the application."
    )


def _offered(key: Key, place: str) -> Iterator[str]:
    """Yield how to add a module that says it exports the key."""
    # A binding with a name takes more than to import the module.
    points = () if key.name else entry_points(group=_GROUP)
    for point in points:
        if not _names(point.name, key.type):
            continue
        seller, package = point.attr.partition(".")[0], _distribution(point)
        call = f"{point.attr}()" if "." in point.attr else point.attr
        add = f"`{call}` to {place}"
        hint = f"`from {point.module} import {seller}`"
        if _is_installed(package):
            yield f"{seller} from {package} exports it: add {add} ({hint})."
        else:
            yield (
                f"{seller} from {package} exports it, which is not installed: "
                f"`pip install {package}`, then add {add} ({hint})."
            )


def _names(dotted: str, kind: Any) -> bool:
    """Say whether a public path is that of a class, which may live further inside."""
    module, _, name = dotted.rpartition(".")
    home = f"{getattr(kind, '__module__', '')}."
    return name == getattr(kind, "__qualname__", "") and home.startswith(f"{module}.")


def _distribution(point: EntryPoint) -> str:
    if point.extras:
        # Brackets are read as words, which a hyphen would part.
        return point.extras[0].replace("_", "-")
    return point.dist.name if point.dist else point.module


def _is_installed(package: str) -> bool:
    try:
        distribution(package)
    except PackageNotFoundError:
        return False
    return True


def _fitting(
    key: Key, asker: Registration, known: Iterable[Registration]
) -> Iterator[str]:
    """Yield how to bind a class that would do: a registered one first."""
    for one in known:
        built = _built(one)
        if built is not None and _fits(built, key.type):
            yield (
                f"`{show(built)}`, bound in {one.module} at {one.origin}, fits: write "
                f"`bind({key}).to({show(built)})`."
            )
    for derived in _subclasses(key.type):
        yield (
            f"`{show(derived)}` ({where(derived)}) fits: add "
            f"`bind({key}).to({show(derived)})` to the providers of {asker.module}."
        )


def _built(one: Registration) -> type[Any] | None:
    made = None if one.recipe is None else one.recipe.factory
    return made if isinstance(made, type) else None


def _fits(built: type[Any], wanted: Any) -> bool:
    if not isinstance(wanted, type):
        return False
    if is_protocol(wanted):
        asked = get_protocol_members(wanted)
        return bool(asked) and asked <= _members(built)
    return wanted is not object and issubclass(built, wanted)


def _members(built: type[Any]) -> set[str]:
    return {*dir(built)}.union(
        *(vars(c).get("__annotations__", ()) for c in built.__mro__)
    )


def _subclasses(wanted: Any) -> Iterator[type[Any]]:
    """Yield what derives from an abstract class, in the same package."""
    if not _is_abstract(wanted) or _package(wanted) in sys.stdlib_module_names:
        return
    for derived in wanted.__subclasses__():
        if not _is_abstract(derived) and _package(derived) == _package(wanted):
            yield derived
        yield from _subclasses(derived)


def _is_abstract(kind: Any) -> bool:
    return inspect.isabstract(kind) or is_protocol(kind)


def _package(kind: type[Any]) -> str:
    return kind.__module__.partition(".")[0]
