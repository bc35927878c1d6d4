"""What a call is made of besides: its URL, its limits, its credentials, its way back."""

import asyncio
from collections.abc import AsyncGenerator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lexigram.contracts.clock import SystemClock
from lexigram.contracts.web import (
    AttemptRecord,
    BodyStream,
    HTTPDecodeError,
    HTTPInvalidRequestError,
    HTTPRedirectError,
    HttpResponse,
    InterceptorProtocol,
    RequestContext,
    ResponseContext,
    Timeouts,
    build_request,
    check_request,
    usable_url,
)
from lexigram.contracts.web.calling import (
    AttemptTimer,
    Deadline,
    Interceptors,
    body_of,
    leave_open,
    next_request,
    with_own_auth,
)

URL = "https://api.test/v1"


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        ("HTTPS://API.test/V1", "https://api.test/V1"),
        ("http://h/a/./b/../c", "http://h/a/c"),
        ("http://h/a/..", "http://h/"),
        ("http://h/a/b/.", "http://h/a/b/"),
        ("http://h/../../x", "http://h/x"),
        ("http://h/a/..?q=/../x", "http://h/?q=/../x"),
        ("http://h//a/../b", "http://h//b"),
        ("http://h/.well-known/x", "http://h/.well-known/x"),
        ("http://h/\u00fc?q=[\u00e9]|", "http://h/%C3%BC?q=%5B%C3%A9%5D%7C"),
        ("http://h/100%?a=%zz&b=%41", "http://h/100%25?a=%25zz&b=%41"),
        ("http://h/a%2Fb?c=%3A", "http://h/a%2Fb?c=%3A"),
        ("http://u:p@H/", "http://u:p@h/"),
        ("http://h?", "http://h"),
        ("http://h/a?#b", "http://h/a"),
    ],
)
def test_a_url_is_written_as_it_is_sent(written: str, sent: str) -> None:
    assert usable_url(written) == sent
    assert usable_url(sent) == sent


@given(st.text(max_size=40), st.text(max_size=40))
def test_writing_a_url_twice_changes_nothing(path: str, query: str) -> None:
    try:
        once = usable_url(f"http://h/{path}?{query}")
    except HTTPInvalidRequestError:
        return
    assert usable_url(once) == once
    assert once.isascii()
    segments = once.partition("?")[0].split("/")[3:]
    assert not {".", ".."} & set(segments)


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("http://h/\ud800", "half of a surrogate pair"),
        ("http://a<b/", "a host with '<' in it"),
        ("ftp://h/", "the scheme 'ftp'"),
        ("/v1", "no scheme"),
    ],
)
def test_what_is_no_url_is_refused(url: str, problem: str) -> None:
    with pytest.raises(HTTPInvalidRequestError, match=problem):
        build_request("GET", url, {})


def test_a_tunnel_is_not_for_callers() -> None:
    with pytest.raises(HTTPInvalidRequestError, match="CONNECT opens a tunnel"):
        build_request("connect", URL, {})


@pytest.mark.parametrize(
    ("timeout", "seconds"),
    [(Timeouts(total=5), 5), (Timeouts(total=None), None), (Timeouts(read=1), 30.0)],
)
def test_the_total_of_the_limits_is_the_timeout(
    timeout: Timeouts, seconds: float | None
) -> None:
    request = build_request("GET", URL, {"timeout": timeout}, timeout=30.0)
    assert request.timeout == seconds


@pytest.mark.parametrize("limit", [0, -1.0, True, "2", float("nan")])
def test_a_limit_is_a_positive_number_of_seconds(limit: object) -> None:
    with pytest.raises(ValueError, match=r"^connect=.* is not a positive number"):
        Timeouts(connect=limit)  # type: ignore[arg-type]  # what is refused


def test_a_header_as_long_as_one_that_frames_is_none() -> None:
    headers = {"X-Fourteen-Ch1": "1", "X-Seventeen-Chars": "2"}
    assert [len(name) for name in headers] == [14, 17]
    check_request(build_request("GET", URL, {"headers": headers}))


async def test_a_stream_can_be_the_content() -> None:
    async def chunks() -> AsyncGenerator[bytes, None]:
        yield b"once"

    stream = BodyStream(chunks, length=4, replayable=True)
    assert build_request("PUT", URL, {"content": stream}).body_stream is stream


def test_a_body_that_cannot_be_read_tells_of_the_attempts_before() -> None:
    response = HttpResponse(200, text="no JSON")
    record = AttemptRecord(
        number=1, method="GET", url=URL, started=0, duration=1,
        outcome="503", request_sent="yes", decision="again",
    )  # fmt: skip
    response.timeline = (record,)
    with pytest.raises(HTTPDecodeError) as unreadable:
        _ = response.json
    assert unreadable.value.timeline == (record,)


def test_a_deadline_that_was_not_entered_ends_nothing() -> None:
    deadline = Deadline(1.0)
    deadline.change(2.0)
    deadline.__exit__(None, None, None)
    assert (deadline.seconds, deadline.expired) == (2.0, False)


async def test_the_limit_of_a_phase_ends_with_it() -> None:
    timer = AttemptTimer(Timeouts(connect=0.001, read=None))
    timer.enter("connect")
    timer.enter("read")
    # Set later, for later: it rings after the other one.
    loop = asyncio.get_running_loop()
    over = loop.create_future()
    loop.call_later(0.002, over.set_result, None)
    await over
    assert timer.interrupted() is None
    timer.close()


def test_a_redirect_that_holds_credentials_is_refused() -> None:
    answer = HttpResponse(302, headers={"Location": "https://user:pw@h/"})
    with pytest.raises(HTTPRedirectError, match="Its target holds credentials") as no:
        next_request(RequestContext("GET", URL), answer)
    assert "pw" not in str(no.value)


class Open:
    """A body on its way."""

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        yield b"x"

    async def close(self) -> None: ...


class Stamp(InterceptorProtocol):
    """Changes a header of each response, and the body if it is told to."""

    def __init__(self, body: bytes | None = None) -> None:
        self.body = body

    async def intercept_response(self, response: ResponseContext, /) -> ResponseContext:
        response.status = 203
        if self.body is not None:
            response.body = self.body
        return response


@pytest.mark.parametrize(("body", "kept"), [(None, True), (b"other", False)])
async def test_a_changed_response_keeps_its_history_and_its_body_on_the_way(
    body: bytes | None, *, kept: bool
) -> None:
    came, before = HttpResponse(200, URL), HttpResponse(302, URL)
    came.history = (before,)
    leave_open(came, Open())

    async def send(_: RequestContext) -> HttpResponse:
        return came

    around = Interceptors.of("call", [Stamp(body)], SystemClock())
    response = await around.around_call(RequestContext("GET", URL), send, lambda: 1)
    assert response is not came
    assert response.status == 203
    assert response.history == (before,)
    assert (body_of(response) is body_of(came)) is kept


class Credentials(InterceptorProtocol):
    """Notes whether the call minds credentials of others."""

    def __init__(self, scope: str = "call") -> None:
        self.scope = scope
        self.seen: list[bool] = []

    async def intercept_request(self, context: RequestContext, /) -> RequestContext:
        self.seen.append(context.own_auth)
        return context


async def test_the_credentials_of_a_call_stand_inside_of_the_client_s() -> None:
    theirs, own = Credentials(), Credentials()
    sent: list[bool] = []

    async def send(request: RequestContext) -> HttpResponse:
        sent.append(request.own_auth)
        return HttpResponse(200, URL)

    around = Interceptors.of("call", [theirs], SystemClock())
    around = with_own_auth(around, "call", own)
    request = RequestContext("GET", URL, own_auth=True)
    await around.around_call(request, send, lambda: 1)
    assert (theirs.seen, own.seen, sent) == ([True], [False], [True])


@pytest.mark.parametrize("auth", [None, ("u", "p"), Credentials("attempt")])
def test_what_is_no_interceptor_of_the_scope_adds_none(auth: object) -> None:
    around = Interceptors.of("call", [], SystemClock())
    assert with_own_auth(around, "call", auth) is around
