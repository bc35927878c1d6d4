"""The door for test classes: a behaviour is a test method.

The methods are synchronous and bring their own event loop, so that they run alike under
pytest with any plugin for coroutines or none, and under unittest; no runner is imported.
"""

from __future__ import annotations

import inspect
import sys
from abc import abstractmethod
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any, ClassVar, NoReturn
from unittest import SkipTest, TestCase

from lexigram.contracts.suggestions import did_you_mean
from lexigram.testing.conformance._behaviour import Behaviour, Capability, chosen
from lexigram.testing.conformance._contract import Contract
from lexigram.testing.conformance._report import Verdict
from lexigram.testing.conformance._running import run
from lexigram.testing.conformance._trying import check_expected, tried

__all__ = ["ConformanceSuite"]


class ConformanceSuite:
    """Turns the behaviours of a contract into test methods of its subclasses.

    A subclass says the `version` of lexigram-contracts that it implements and defines
    the hook of its suite. Both are checked when the class is defined; a class that
    other suites share says `class Mine(…, abstract=True)` instead.
    """

    version: ClassVar[str]
    """The version of lexigram-contracts that is implemented: behaviours that came later
    are no tests yet."""
    capabilities: ClassVar[Collection[Capability] | None] = None
    """What the backend has, when not everything that it has is to be tried."""
    expected_failures: ClassVar[Mapping[str, str]] = {}
    """Behaviours that are known to fail, each with the reason; one that passes fails."""
    _contract: ClassVar[Contract[...]]

    def __init_subclass__(cls, *, abstract: bool = False, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if abstract:
            return
        behaviours = {b.method_name: b for b in cls.behaviours()}
        _refuse_overrides(cls, behaviours)
        _check_hooks(cls)
        check_expected(cls.expected_failures, [b.id for b in behaviours.values()])
        for behaviour in chosen(behaviours.values(), cls.version, cls.capabilities):
            setattr(cls, behaviour.method_name, _test_of(cls, behaviour))

    @classmethod
    def behaviours(cls) -> Sequence[Behaviour[...]]:
        """Return every behaviour of the contract."""
        return cls._contract.behaviours

    @abstractmethod
    async def _attempt(self, behaviour: Behaviour[...]) -> None:
        """Check one behaviour."""

    def test_no_behaviour_is_missing(self) -> None:
        """Fail when a behaviour was deleted or replaced after the class was made."""
        cls = type(self)
        for behaviour in chosen(cls.behaviours(), cls.version, cls.capabilities):
            method = getattr(cls, behaviour.method_name, None)
            if getattr(method, "behaviour", None) is not behaviour:
                _refuse_override(cls, behaviour)


def _test_of(cls: type[ConformanceSuite], behaviour: Behaviour[...]) -> Any:
    def test(self: ConformanceSuite) -> None:
        verdict = run(
            lambda: tried(behaviour, self._attempt, type(self).expected_failures)  # pyright: ignore[reportPrivateUsage]  # one module
        )
        _conclude(verdict, self)

    test.__name__ = behaviour.method_name
    test.__qualname__ = f"{cls.__qualname__}.{behaviour.method_name}"
    test.__module__ = cls.__module__
    test.__doc__ = behaviour.title
    vars(test)["behaviour"] = behaviour
    return test


def _conclude(verdict: Verdict, test: object) -> None:
    match verdict.outcome:
        case "skipped":
            raise SkipTest(verdict.reason)
        case "expected_failure":
            _expected_failure(verdict.reason, test)
        case "unexpected_pass":
            raise AssertionError(verdict.reason)
        case "failed" | "passed":
            if verdict.error is not None:
                raise verdict.error


def _expected_failure(reason: str, test: object) -> NoReturn:
    # pytest has a word for it, and is there when it is what runs.
    pytest: Any = sys.modules.get("pytest")
    if pytest is not None and not isinstance(test, TestCase):
        pytest.xfail(reason)
    raise SkipTest(f"Expected to fail: {reason}")


def _check_hooks(cls: type[ConformanceSuite]) -> None:
    missing = [f"define {hook}" for hook in _missing_hooks(cls)]
    if not hasattr(cls, "version"):
        missing.append('say `version = "1.0"`, the version of lexigram-contracts')
    if missing:
        raise TypeError(f"`{cls.__name__}` must {' and '.join(missing)}.")


def _missing_hooks(cls: type[ConformanceSuite]) -> Iterator[str]:
    for name in dir(cls):
        hook: Callable[..., Any] = getattr(cls, name)
        if getattr(hook, "__isabstractmethod__", False):
            parameters = ", ".join(inspect.signature(hook).parameters)
            own = [n for n in vars(cls) if not n.startswith("_") and n != "version"]
            near = f" ({did_you_mean(name, own)})" if own else ""
            yield f"{name}({parameters}){near}"


def _refuse_overrides(
    cls: type[ConformanceSuite], behaviours: Mapping[str, Behaviour[...]]
) -> None:
    for name in vars(cls):
        if name in behaviours:
            _refuse_override(cls, behaviours[name])


def _refuse_override(
    cls: type[ConformanceSuite], behaviour: Behaviour[...]
) -> NoReturn:
    raise TypeError(
        f"`{cls.__name__}` replaces or removes {behaviour.id}, which its contract asks "
        "for. Say instead that and why it fails: "
        f'expected_failures = {{"{behaviour.id}": "the reason"}}.'
    )
