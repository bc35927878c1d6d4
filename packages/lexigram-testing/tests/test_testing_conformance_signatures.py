"""What `assert_implements` says of parameters is what calls would tell."""

import itertools
from collections.abc import Iterator
from typing import Any, Protocol

from hypothesis import example, given
from hypothesis import strategies as st

from lexigram.testing.conformance import assert_implements

NAMES = ("a", "b", "c")
EVERY = (*NAMES, "other")  # stands for the names that `**options` may have


@st.composite
def signatures(draw: st.DrawFn, *, plain: bool = False) -> str:
    """Return the parameters of a function of up to three arguments.

    Plain ones have their names in order, none by position only, and no `*args`.
    """
    names = (NAMES if plain else draw(st.permutations(NAMES)))[
        : draw(st.integers(0, 3))
    ]
    bounds = sorted(draw(st.integers(0, len(names))) for _ in range(2))
    if plain:
        bounds[0] = 0
    only, both, named = (
        names[: bounds[0]],
        names[bounds[0] : bounds[1]],
        names[bounds[1] :],
    )
    required = draw(st.integers(0, len(only) + len(both)))
    parts = [
        name if index < required else f"{name}=0"
        for index, name in enumerate([*only, *both])
    ]
    if only:
        parts.insert(len(only), "/")
    if not plain and draw(st.booleans()):
        parts.append("*args")
    elif named:
        parts.append("*")
    parts += [f"{name}=0" if draw(st.booleans()) else name for name in named]
    if draw(st.booleans()):
        parts.append("**options")
    return ", ".join(parts)


def function(parameters: str) -> Any:
    space: dict[str, Any] = {}
    comma = ", " if parameters else ""
    exec(f"def method(self{comma}{parameters}): return self", space)  # noqa: S102 - made above
    return space["method"]


def calls() -> Iterator[tuple[int, tuple[str, ...]]]:
    for number in range(5):
        for size in range(len(EVERY) + 1):
            for names in itertools.combinations(EVERY, size):
                yield number, names


CALLS = list(calls())


def refuses(parameters: str) -> set[tuple[int, tuple[str, ...]]]:
    method = function(parameters)
    refused: set[tuple[int, tuple[str, ...]]] = set()
    for number, names in CALLS:
        try:
            method("self", *range(number), **dict.fromkeys(names, 0))
        except TypeError:
            refused.add((number, names))
    return refused


def accepts(protocol: str, implementation: str) -> bool:
    port: Any = type(
        "Port", (Protocol,), {"method": function(protocol), "_is_protocol": True}
    )
    try:
        assert_implements(port, type("Made", (), {"method": function(implementation)}))
    except AssertionError:
        return False
    return True


@given(signatures(), signatures())
@example("a, /", "b, /")
@example("a", "a, /, **options")
@example("*, a", "a")
@example("a", "*args, **options")
@example("a=0", "a")
@example("**options", "a=0, **options")
def test_what_passes_takes_every_call_that_the_protocol_does(
    protocol: str, implementation: str
) -> None:
    # A name that only `**options` take may be an argument of the implementation's own.
    known = {"other", *protocol.partition("/")[2 if "/" in protocol else 0].split(", ")}
    named = {name.removesuffix("=0") for name in known}
    refused = {
        (number, names)
        for number, names in refuses(implementation) - refuses(protocol)
        if named.issuperset(names)
    }
    assert not (accepts(protocol, implementation) and refused), refused


@given(signatures(plain=True), signatures(plain=True))
@example("a, b=0", "*args, **options")
@example("a=0", "a=0, b=0")
def test_what_fails_refuses_a_call_that_the_protocol_takes(
    protocol: str, implementation: str
) -> None:
    # Of others some are taken and misunderstood, as where names swap places.
    if not accepts(protocol, implementation):
        assert refuses(implementation) - refuses(protocol)
