"""Running the interceptors around a call, and around each attempt.

They stand in one row. A request enters them first to last; one that defines `around`
holds the rest of the row, and the wire behind it, in its hand as `proceed`. A response
leaves those that were entered, last to first.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple, TypeAlias, TypeVar

from lexigram.contracts.clock import ClockProtocol
from lexigram.contracts.web import (
    HttpResponse,
    InterceptorProtocol,
    Proceed,
    RequestContext,
    ResponseContext,
    build_response,
    check_request,
)
from lexigram.contracts.web.calling._open_bodies import body_of, leave_open

__all__ = ["Interceptors", "Send"]

T = TypeVar("T")

Send: TypeAlias = Callable[[RequestContext], Awaitable[HttpResponse]]
"""What the interceptors stand around."""

Ask: TypeAlias = Callable[[T], Awaitable[T]]
Around: TypeAlias = Callable[[RequestContext, Proceed], Awaitable[ResponseContext]]


@dataclass(frozen=True, slots=True)
class Interceptors:
    """Interceptors of one scope, in order."""

    members: tuple[InterceptorProtocol, ...]
    clock: ClockProtocol
    _row: tuple[_Member, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        row = tuple(map(_Member.of, self.members))
        object.__setattr__(self, "_row", row)  # as for any field of a frozen class

    @classmethod
    def of(
        cls,
        scope: str,
        interceptors: Sequence[InterceptorProtocol],
        clock: ClockProtocol,
    ) -> Interceptors:
        """Pick those of one scope; one that does not say is of the scope "call"."""
        return cls(
            tuple(i for i in interceptors if getattr(i, "scope", "call") == scope),
            clock,
        )

    def __bool__(self) -> bool:
        return bool(self.members)

    async def around_call(
        self, request: RequestContext, send: Send, attempts: Callable[[], int]
    ) -> HttpResponse:
        """Pass a request through, send what comes out, and pass the response back.

        Args:
            request: What was asked for.
            send: Called as often as the interceptors proceed: once, unless one of them
                is an `AroundInterceptorProtocol`.
            attempts: Says how many exchanges of the call have begun.

        Raises:
            HTTPInvalidRequestError: What comes out cannot be sent.
            TypeError: An interceptor returned something else than its context.
        """
        clock = self.clock
        passage = _Passage(
            self._row, send, attempts, clock, request.url, clock.monotonic()
        )
        return passage.response(await passage.onward(request))

    async def around_attempt(
        self, request: RequestContext, exchange: Send, attempts: Callable[[], int]
    ) -> HttpResponse:
        """Do the same around one attempt, whose changes the next one does not see."""
        own = _copy(request, attempts() + 1)
        return await self.around_call(own, exchange, attempts)


class _Member(NamedTuple):
    """An interceptor, and what it does.

    Found out once: to await a method that passes everything through, or to match a
    protocol, takes longer than what most interceptors do.
    """

    asks: Ask[RequestContext] | None
    answers: Ask[ResponseContext] | None
    around: Around | None
    itself: InterceptorProtocol

    @classmethod
    def of(cls, member: InterceptorProtocol) -> _Member:
        """Return what `member` does."""
        return cls(
            None
            if _passes_on(member, "intercept_request")
            else member.intercept_request,
            None
            if _passes_on(member, "intercept_response")
            else member.intercept_response,
            getattr(member, "around", None),
            member,
        )


@dataclass(slots=True, eq=False, repr=False)
class _Passage:
    """One request on its way through, and its response on its way back."""

    row: tuple[_Member, ...]
    send: Send
    attempts: Callable[[], int]
    clock: ClockProtocol
    asked_url: str
    started: float
    received: HttpResponse | None = None
    """What was sent back last, if anything was."""

    async def onward(  # noqa: C901 - each coroutine more costs what an interceptor does
        self, request: RequestContext, first: int = 0
    ) -> ResponseContext:
        """Pass a request on from the member `first`, and its response back up to it."""
        context: ResponseContext | None = None
        place = first
        for member in self.row[first:]:
            place += 1
            if member.asks is not None:
                try:
                    request = await member.asks(request)
                    if type(request) is not RequestContext:
                        _check(request, RequestContext)
                except Exception as error:  # attributed on its way to the caller
                    _attribute(error, member, "intercept_request")
                    raise
            if member.around is not None:
                context = await self._around(member, member.around, request, place)
                break
        if context is None:
            context = await self._sent(request)
        for member in reversed(self.row[first:place]):
            if member.answers is not None:
                try:
                    context = await member.answers(context)
                    if type(context) is not ResponseContext:
                        _check(context, ResponseContext)
                except Exception as error:  # attributed on its way to the caller
                    _attribute(error, member, "intercept_response")
                    raise
        return context

    def response(self, context: ResponseContext) -> HttpResponse:
        """Return what the caller gets: what was received, where nothing changed it."""
        received = self.received
        if received is not None and _is_unchanged(context, received):
            return received
        response = build_response(
            context.status,
            context.headers,
            context.body,
            method=context.method,
            url=context.url,
            charset="utf-8" if received is None else received.charset,
            cut=received is not None and received.cut and context.body is received.body,
        )
        if received is not None and received.history:
            response.history = received.history
        body = None if received is None else body_of(received)
        if body is not None and not context.body:
            leave_open(response, body)
        return response

    async def _sent(self, request: RequestContext) -> ResponseContext:
        check_request(request, usable=self.asked_url)
        response = self.received = await self.send(request)
        attempt = self.attempts()
        if request.attempt != attempt:  # policies repeated it, or redirects followed
            request = replace(request, attempt=attempt)
        return ResponseContext(
            status=response.status,
            headers=response.headers,
            body=response.body,
            url=response.url,
            method=response.method,
            duration=self._elapsed(),
            attempt=attempt,
            request=request,
        )

    async def _around(
        self, member: _Member, around: Around, request: RequestContext, following: int
    ) -> ResponseContext:
        passed: list[BaseException] = []

        async def proceed(request: RequestContext) -> ResponseContext:
            try:
                own = _copy(request, self.attempts() + 1)
                return await self.onward(own, following)
            except BaseException as error:  # another's failure, on its way through
                passed.append(error)
                raise

        try:
            context = await around(request, proceed)
            _check(context, ResponseContext)
        except Exception as error:  # attributed on its way to the caller
            if not any(error is another for another in passed):
                _attribute(error, member, "around")
            raise
        finally:
            passed.clear()  # each failure holds this frame
        if context.request is None:
            return self._completed(context, request)
        return context

    def _completed(
        self, context: ResponseContext, request: RequestContext
    ) -> ResponseContext:
        """Add to an interceptor's own answer what the caller knows."""
        return replace(
            context,
            request=request,
            method=request.method,
            url=context.url or request.url,
            duration=self._elapsed(),
            attempt=self.attempts(),
        )

    def _elapsed(self) -> float:
        return self.clock.monotonic() - self.started


def _passes_on(member: InterceptorProtocol, method: str) -> bool:
    """Say whether this method is the protocol's own, which need not be awaited."""
    bound = getattr(member, method)
    return getattr(bound, "__func__", None) is getattr(InterceptorProtocol, method)


def _check(context: object, kind: type) -> None:
    if not isinstance(context, kind):
        raise TypeError(
            f"An interceptor returned {context!r}. Return the {kind.__name__} that it "
            "was given, or another one."
        )


def _attribute(error: Exception, member: _Member, method: str) -> None:
    """Say in a note, once, whose error this is."""
    whose = type(member.itself).__qualname__
    note = f"Raised by `{method}` of the interceptor {whose}."
    if note not in getattr(error, "__notes__", ()):
        error.add_note(note)


def _copy(request: RequestContext, attempt: int) -> RequestContext:
    return replace(request, headers=request.headers.copy(), attempt=attempt)


def _is_unchanged(context: ResponseContext, response: HttpResponse) -> bool:
    return (
        context.status == response.status
        and context.headers is response.headers
        and context.body is response.body
        and context.url == response.url
        and context.method == response.method
    )
