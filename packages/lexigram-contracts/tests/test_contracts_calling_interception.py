"""Interceptors see, and may change, every call on its way out and back."""

from dataclasses import replace

import pytest

from lexigram.contracts.clock import SystemClock
from lexigram.contracts.web import (
    AroundInterceptorProtocol,
    Headers,
    HTTPInvalidRequestError,
    HttpResponse,
    InterceptorProtocol,
    MutableHeaders,
    Proceed,
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


class Upstream:
    """What the interceptors stand around: counts, and answers alike."""

    def __init__(self, answer: HttpResponse | None = None) -> None:
        self.answer = answer or HttpResponse(200)
        self.sent: list[RequestContext] = []

    async def send(self, request: RequestContext) -> HttpResponse:
        self.sent.append(request)
        return self.answer

    def count(self) -> int:
        return len(self.sent)


async def test_requests_pass_first_to_last_and_responses_last_to_first() -> None:
    log: list[str] = []
    tags = Interceptors.of("call", [Tag("a", log), Tag("b", log)], SystemClock())
    upstream = Upstream()
    request = RequestContext("GET", "http://h/")
    response = await tags.around_call(request, upstream.send, upstream.count)
    assert upstream.sent[0].headers.get_all("x-tag") == ["a", "b"]
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
    upstream = Upstream()
    with pytest.raises(HTTPInvalidRequestError):
        await members.around_call(
            RequestContext("GET", "http://h/"), upstream.send, upstream.count
        )
    assert not upstream.sent


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
    answered = HttpResponse(
        200, "http://h/end", "PUT", {"X-Old": "1"}, b"body", charset="latin-1"
    )

    async def send(request: RequestContext) -> HttpResponse:
        clock.now += 2.5
        return answered

    request = RequestContext("PUT", "http://h/")
    response = await Interceptors.of("call", [Looks()], clock).around_call(
        request, send, lambda: 3
    )
    (context,) = seen
    assert (context.status, context.body, context.method) == (200, b"body", "PUT")
    assert (context.url, context.duration, context.attempt) == ("http://h/end", 2.5, 3)
    assert context.headers == {"X-Old": "1"}
    assert context.request == replace(request, attempt=3)
    assert (response.status, response.text, response.method) == (404, "é", "PUT")
    assert response.url == "http://h/end"
    assert response.headers == {"X-New": "1"}


async def test_a_response_that_nothing_changed_is_the_one_received() -> None:
    members = Interceptors.of("call", [Silent()], SystemClock())
    upstream = Upstream()
    response = await members.around_call(
        RequestContext("GET", "http://h/"), upstream.send, upstream.count
    )
    assert response is upstream.answer


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
    for _ in range(2):
        await members.around_attempt(request, exchange, lambda: len(sent))
    assert [r.headers.get_all("x-attempt") for r in sent] == [["1"], ["2"]]
    assert [r.attempt for r in sent] == [1, 2]
    assert "x-attempt" not in request.headers
    assert durations == [2.0, 2.0]


class Around(AroundInterceptorProtocol):
    """Proceeds as often as it is told, and notes when."""

    def __init__(self, times: int, log: list[str]) -> None:
        self._times = times
        self._log = log

    async def around(
        self, request: RequestContext, proceed: Proceed, /
    ) -> ResponseContext:
        response = ResponseContext(418, body=b"own")
        for number in range(self._times):
            self._log.append(f"around {number}")
            response = await proceed(request)
        return response


@pytest.mark.parametrize("times", [0, 1, 2])
async def test_one_that_goes_around_holds_what_follows_it(times: int) -> None:
    log: list[str] = []
    inside = [f"around {n}|> b|< b" for n in range(times)]
    members = Interceptors.of(
        "call", [Tag("a", log), Around(times, log), Tag("b", log)], SystemClock()
    )
    upstream = Upstream()
    request = RequestContext("POST", "http://h/x")
    response = await members.around_call(request, upstream.send, upstream.count)
    assert "|".join(log) == "|".join(["> a", *inside, "< a"])
    assert [r.headers.get_all("x-tag") for r in upstream.sent] == [["a", "b"]] * times
    assert [r.attempt for r in upstream.sent] == [*range(1, times + 1)]
    assert response.status == (200 if times else 418)
    assert response.body == (b"ba" if times else b"owna")


async def test_one_that_goes_around_and_does_not_say_how_passes_through() -> None:
    class Nothing(AroundInterceptorProtocol):
        pass

    members = Interceptors.of("call", [Nothing()], SystemClock())
    upstream = Upstream()
    response = await members.around_call(
        RequestContext("GET", "http://h/"), upstream.send, upstream.count
    )
    assert response is upstream.answer
    assert len(upstream.sent) == 1


async def test_an_answer_of_its_own_says_what_it_answers() -> None:
    seen: list[ResponseContext] = []

    class Looks(InterceptorProtocol):
        async def intercept_response(
            self, response: ResponseContext, /
        ) -> ResponseContext:
            seen.append(response)
            return response

    members = Interceptors.of("call", [Looks(), Around(0, [])], SystemClock())
    upstream = Upstream()
    response = await members.around_call(
        RequestContext("POST", "http://h/x"), upstream.send, upstream.count
    )
    assert (response.method, response.url) == ("POST", "http://h/x")
    assert seen[0].request is not None
    assert (seen[0].request.method, seen[0].attempt) == ("POST", 0)


class Fails(AroundInterceptorProtocol):
    """Raises in one of its methods."""

    def __init__(self, method: str) -> None:
        self._method = method

    async def intercept_request(self, context: RequestContext, /) -> RequestContext:
        self._fail_in("intercept_request")
        return context

    async def intercept_response(self, response: ResponseContext, /) -> ResponseContext:
        self._fail_in("intercept_response")
        return response

    async def around(
        self, request: RequestContext, proceed: Proceed, /
    ) -> ResponseContext:
        response = await proceed(request)
        self._fail_in("around")
        return response

    def _fail_in(self, method: str) -> None:
        if method == self._method:
            raise LookupError(method)


@pytest.mark.parametrize(
    "method", ["intercept_request", "around", "intercept_response"]
)
async def test_an_error_of_one_names_it_and_nobody_else(method: str) -> None:
    row = [Around(1, []), Fails(method), Around(1, [])]
    members = Interceptors.of("call", row, SystemClock())
    upstream = Upstream()
    with pytest.raises(LookupError) as caught:
        await members.around_call(
            RequestContext("GET", "http://h/"), upstream.send, upstream.count
        )
    assert caught.value.__notes__ == [f"Raised by `{method}` of the interceptor Fails."]


async def test_an_error_that_is_raised_for_several_calls_is_named_once() -> None:
    error = LookupError()

    class Fails(InterceptorProtocol):
        async def intercept_request(self, context: RequestContext, /) -> RequestContext:
            raise error

    members = Interceptors.of("call", [Fails()], SystemClock())
    upstream = Upstream()
    for _ in range(2):
        with pytest.raises(LookupError):
            await members.around_call(
                RequestContext("GET", "http://h/"), upstream.send, upstream.count
            )
    assert len(error.__notes__) == 1


async def test_an_error_of_the_exchange_is_nobody_s() -> None:
    members = Interceptors.of("call", [Silent(), Around(1, [])], SystemClock())

    async def send(request: RequestContext) -> HttpResponse:
        raise LookupError

    with pytest.raises(LookupError) as caught:
        await members.around_call(RequestContext("GET", "http://h/"), send, lambda: 1)
    assert not hasattr(caught.value, "__notes__")


@pytest.mark.parametrize(
    "method", ["intercept_request", "around", "intercept_response"]
)
async def test_one_that_forgets_to_return_is_told_what_to_return(method: str) -> None:
    async def nothing(*_: object) -> None:
        return None

    broken = Around(1, [])
    setattr(broken, method, nothing)
    members = Interceptors.of("call", [broken], SystemClock())
    upstream = Upstream()
    with pytest.raises(TypeError, match=r"returned None\. Return the Re\w+Context"):
        await members.around_call(
            RequestContext("GET", "http://h/"), upstream.send, upstream.count
        )
