"""Interceptors see, and may change, every call on its way out and back."""

from dataclasses import replace

import pytest

from lexigram.contracts.clock import SystemClock
from lexigram.contracts.web import (
    Headers,
    HTTPInvalidRequestError,
    HttpResponse,
    InterceptorProtocol,
    MutableHeaders,
    RequestContext,
    ResponseContext,
)
from lexigram.contracts.web.calling import Interceptors


class StoppedClock(SystemClock):
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now


class Tag(InterceptorProtocol):
    """Notes what it sees, and leaves a mark on what passes."""

    def __init__(self, name: str, log: list[str], scope: str = "call") -> None:
        self.scope = scope
        self._name = name
        self._log = log

    async def intercept_request(self, context: RequestContext, /) -> RequestContext:
        self._log.append(f"> {self._name}")
        context.headers.add("X-Tag", self._name)
        return context

    async def intercept_response(self, response: ResponseContext, /) -> ResponseContext:
        self._log.append(f"< {self._name}")
        return replace(response, body=response.body + self._name.encode())


class Silent(InterceptorProtocol):
    """Says nothing of its scope, and changes nothing."""


def test_one_that_says_no_scope_is_of_the_call() -> None:
    log: list[str] = []
    members = [Tag("a", log), Silent(), Tag("b", log, "attempt")]
    of_call = Interceptors.of("call", members, SystemClock())
    of_attempt = Interceptors.of("attempt", members, SystemClock())
    assert of_call.members == (members[0], members[1])
    assert of_attempt.members == (members[2],)
    assert of_call
    assert not Interceptors.of("call", [], SystemClock())


async def test_requests_pass_first_to_last_and_responses_last_to_first() -> None:
    log: list[str] = []
    tags = Interceptors.of("call", [Tag("a", log), Tag("b", log)], SystemClock())
    request = await tags.outgoing(RequestContext("GET", "http://h/"))
    assert request.headers.get_all("x-tag") == ["a", "b"]
    response = await tags.incoming(HttpResponse(200), request, 0.0)
    assert response.body == b"ba"
    assert log == ["> a", "> b", "< b", "< a"]


@pytest.mark.parametrize(
    "broken",
    [
        RequestContext("GET", "ftp://h/"),
        RequestContext("GET", "http://h/", MutableHeaders({"Content-Length": "9"})),
    ],
)
async def test_what_cannot_be_sent_is_refused(broken: RequestContext) -> None:
    class Breaks(InterceptorProtocol):
        async def intercept_request(self, context: RequestContext, /) -> RequestContext:
            return broken

    members = Interceptors.of("call", [Breaks()], SystemClock())
    with pytest.raises(HTTPInvalidRequestError):
        await members.outgoing(RequestContext("GET", "http://h/"))


async def test_a_response_is_seen_whole_and_comes_out_as_it_was_made() -> None:
    seen: list[ResponseContext] = []

    class Looks(InterceptorProtocol):
        async def intercept_response(
            self, response: ResponseContext, /
        ) -> ResponseContext:
            seen.append(response)
            return replace(
                response, status=404, headers=Headers({"X-New": "1"}), body=b"\xe9"
            )

    clock = StoppedClock()
    clock.now = 7.5
    request = RequestContext("PUT", "http://h/", attempt=3)
    answered = HttpResponse(
        200, "http://h/end", "PUT", {"X-Old": "1"}, b"body", charset="latin-1"
    )
    response = await Interceptors.of("call", [Looks()], clock).incoming(
        answered, request, 5.0
    )
    (context,) = seen
    assert (context.status, context.body, context.method) == (200, b"body", "PUT")
    assert (context.url, context.duration, context.attempt) == ("http://h/end", 2.5, 3)
    assert context.headers == {"X-Old": "1"}
    assert context.request is request
    assert (response.status, response.text, response.method) == (404, "é", "PUT")
    assert response.url == "http://h/end"
    assert response.headers == {"X-New": "1"}


async def test_an_attempt_has_its_own_headers_its_number_and_its_duration() -> None:
    durations: list[float] = []

    class Numbers(InterceptorProtocol):
        scope = "attempt"

        async def intercept_request(self, context: RequestContext, /) -> RequestContext:
            context.headers.add("X-Attempt", str(context.attempt))
            return context

        async def intercept_response(
            self, response: ResponseContext, /
        ) -> ResponseContext:
            durations.append(response.duration)
            return response

    clock = StoppedClock()
    sent: list[RequestContext] = []

    async def exchange(request: RequestContext) -> HttpResponse:
        sent.append(request)
        clock.now += 2.0
        return HttpResponse(200)

    members = Interceptors.of("attempt", [Numbers()], clock)
    request = RequestContext("GET", "http://h/")
    for number in (1, 2):
        await members.around_attempt(request, number, exchange)
    assert [r.headers.get_all("x-attempt") for r in sent] == [["1"], ["2"]]
    assert [r.attempt for r in sent] == [1, 2]
    assert "x-attempt" not in request.headers
    assert durations == [2.0, 2.0]
