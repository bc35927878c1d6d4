"""`assert_implements` sees what `isinstance` does not."""

import functools
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from typing import Any, Protocol, TypedDict, Unpack, runtime_checkable
from unittest.mock import AsyncMock

import pytest

from lexigram.contracts.clock import ClockProtocol, SystemClock
from lexigram.contracts.web import (
    HTTPClientError,
    HTTPClientProtocol,
    HttpResponse,
    RequestOptions,
    StreamingHTTPClientProtocol,
)
from lexigram.result import Ok, Result
from lexigram.testing import FakeHTTPClient
from lexigram.testing.conformance import assert_implements


class Options(TypedDict, total=False):
    timeout: float
    headers: dict[str, str]


@runtime_checkable
class Port(Protocol):
    name: str

    @property
    def size(self) -> int: ...

    async def fetch(self, key: str, /, limit: int = 10) -> list[str]: ...

    async def send(self, url: str, **options: Unpack[Options]) -> str: ...

    def rows(self, *keys: str) -> AsyncIterator[str]: ...

    def close(self) -> None: ...


class Good:
    """Takes all that the port allows, and more."""

    name = "good"
    size = 3

    async def fetch(
        self, anything: str, limit: int = 10, *, more: int = 0
    ) -> list[str]:
        return []

    async def send(self, url: str, timeout: float = 1.0, headers: Any = None) -> str:  # noqa: ASYNC109 - an option
        return url

    async def rows(self, *keys: str) -> AsyncIterator[str]:
        for key in keys:
            yield key

    def close(self) -> None:
        """Close."""


def bad(**members: Any) -> type[Any]:
    return type("Bad", (Good,), members)


async def no_limit(self: Any, key: str) -> list[str]:
    return []


async def required_limit(self: Any, key: str, limit: int) -> list[str]:
    return []


async def other_name(self: Any, key: str, most: int = 10) -> list[str]:
    return []


async def swapped(self: Any, limit: int = 10, key: str = "") -> list[str]:
    return []


async def one_more(self: Any, key: str, limit: int = 10, *, extra: int) -> list[str]:
    return []


async def returns_a_text(self: Any, key: str, limit: int = 10) -> str:
    return key


async def returns_none(self: Any, key: str, limit: int = 10) -> None:
    pass


def sync(self: Any, key: str, limit: int = 10) -> list[str]:
    return []


async def no_options(self: Any, url: str) -> str:
    return url


async def one_option(self: Any, url: str, *, timeout: float = 1.0) -> str:  # noqa: ASYNC109 - an option
    return url


async def option_required(
    self: Any,
    url: str,
    *,
    timeout: float,  # noqa: ASYNC109 - an option
    headers: Any = None,
) -> str:
    return url


async def url_by_position(self: Any, url: str, /, **options: Any) -> str:
    return url


class Fewer(TypedDict, total=False):
    timeout: float


async def fewer_options(self: Any, url: str, **options: Unpack[Fewer]) -> str:
    return url


def one_key(self: Any, key: str) -> AsyncIterator[str]:
    raise NotImplementedError


async def awaited_close(self: Any) -> None:
    pass


@pytest.mark.parametrize(
    ("member", "value", "problem"),
    [
        ("fetch", no_limit, "takes no 'limit' as argument 2."),
        ("fetch", required_limit, "requires 'limit'; the protocol's has a default."),
        ("fetch", other_name, "takes no 'limit' as argument 2."),
        ("fetch", swapped, "takes no 'limit' as argument 2."),
        ("fetch", one_more, "requires 'extra', which the protocol does not have."),
        ("fetch", returns_a_text, "returns str; the protocol's returns list[str]."),
        ("fetch", returns_none, "returns None; the protocol's returns list[str]."),
        ("fetch", sync, "is not `async def`; the protocol's is."),
        ("fetch", 3, "is no method but int."),
        ("send", no_options, "takes no option 'timeout'."),
        ("send", no_options, "takes no option 'headers'."),
        ("send", one_option, "takes no option 'headers'."),
        ("send", fewer_options, "takes no option 'headers'."),
        ("send", option_required, "requires the option 'timeout'."),
        ("send", url_by_position, "takes no 'url' by name."),
        ("rows", one_key, "takes no `*args`."),
        ("close", awaited_close, "is `async def`; the protocol's is not."),
        ("size", lambda self: 3, "is a method; the protocol has an attribute"),
        ("close", None, "is missing. Did you mean"),
    ],
)
def test_a_difference_is_explained(member: str, value: Any, problem: str) -> None:
    with pytest.raises(AssertionError) as raised:
        assert_implements(Port, bad(**{member: value}))
    assert "`Bad` does not implement `Port`:" in str(raised.value)
    assert f"  {member}: {problem}" in str(raised.value)


def test_isinstance_sees_no_difference_where_it_does() -> None:
    wrong = bad(fetch=sync, send=no_options)()
    assert isinstance(wrong, Port)
    with pytest.raises(AssertionError):
        assert_implements(Port, wrong)


@pytest.mark.parametrize("subject", [Good, Good()])
def test_an_implementation_may_take_more(subject: object) -> None:
    assert_implements(Port, subject)


def test_every_difference_is_listed() -> None:
    with pytest.raises(AssertionError) as raised:
        assert_implements(Port, object())
    assert str(raised.value).count("is missing.") == 6


class Catchall:
    name = ""
    size = 0

    async def fetch(self, *args: Any, **kwargs: Any) -> Any: ...
    async def send(self, *args: Any, **kwargs: Any) -> Any: ...
    def rows(self, *args: Any, **kwargs: Any) -> Any: ...
    def close(self, *args: Any, **kwargs: Any) -> Any: ...


def test_a_catchall_takes_everything() -> None:
    assert_implements(Port, Catchall)


async def static(key: str, limit: int = 10) -> list[str]:
    return []


async def of_class(cls: Any, key: str, limit: int = 10) -> list[str]:
    return []


def coroutine(self: Any, key: str, limit: int = 10) -> Coroutine[Any, Any, list[str]]:
    raise NotImplementedError


def awaitable(self: Any, key: str, limit: int = 10) -> Awaitable[list[str]]:
    raise NotImplementedError


def wrapped(function: Callable[..., Any]) -> Any:
    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs)

    return wrapper


async def wider(self: Any, key: str, limit: int = 10) -> Sequence[str]:
    return []


async def unresolvable(self: Any, key: str, limit: int = 10) -> "Nowhere":  # type: ignore[name-defined]  # noqa: F821 - the point
    return None


@pytest.mark.parametrize(
    "method",
    [
        staticmethod(static),
        classmethod(of_class),
        coroutine,
        awaitable,
        wrapped(Good.fetch),
        unresolvable,
        AsyncMock(),
    ],
)
def test_a_method_may_be_made_in_many_ways(method: Any) -> None:
    assert_implements(Port, bad(fetch=method))


def test_a_wider_result_is_a_difference() -> None:
    with pytest.raises(AssertionError, match=r"returns Sequence\[str\]; the protocol"):
        assert_implements(Port, bad(fetch=wider))


def test_a_function_in_an_instance_has_no_self() -> None:
    good = Good()
    good.fetch = static  # type: ignore[method-assign]  # as some doubles do
    assert_implements(Port, good)


class Inherits(Port):
    name = "inherits"


def test_an_inherited_body_that_does_nothing_is_none() -> None:
    with pytest.raises(AssertionError) as raised:
        assert_implements(Port, Inherits)
    for member in ("size", "fetch", "send", "rows", "close"):
        line = f"  {member}: is inherited from the protocol, where it does nothing."
        assert line in str(raised.value)


def test_the_contracts_own_implementations_pass() -> None:
    assert_implements(HTTPClientProtocol, FakeHTTPClient)
    assert_implements(HTTPClientProtocol, FakeHTTPClient())


class Bare:
    """The fake of a guide that forgot the Result."""

    async def get(self, url: str, **options: Unpack[RequestOptions]) -> HttpResponse:
        return HttpResponse(200)

    post = put = delete = patch = head = request = get


class Alike:
    async def get(
        self, url: str, **options: Unpack[RequestOptions]
    ) -> Ok[HttpResponse]:
        return Ok(HttpResponse(200))

    async def request(
        self, method: str, url: str, **options: Unpack[RequestOptions]
    ) -> HttpResponse:
        return HttpResponse(200)

    async def post(
        self, url: str, **options: Unpack[RequestOptions]
    ) -> Result[HttpResponse, HTTPClientError]:
        return Ok(HttpResponse(200))

    put = delete = patch = head = post


def test_a_verb_that_returns_a_bare_response_is_found() -> None:
    with pytest.raises(AssertionError) as raised:
        assert_implements(HTTPClientProtocol, Bare)
    assert (
        "  get: returns HttpResponse; the protocol's returns "
        "Ok[HttpResponse] | Err[HTTPClientError]."
    ) in str(raised.value)


def test_one_side_of_a_result_is_one() -> None:
    assert_implements(HTTPClientProtocol, Alike)


def test_streams_are_not_implied() -> None:
    with pytest.raises(AssertionError, match="stream: is missing"):
        assert_implements(StreamingHTTPClientProtocol, Alike)


def test_a_protocol_may_have_implementations_of_its_own() -> None:
    assert_implements(ClockProtocol, SystemClock)
