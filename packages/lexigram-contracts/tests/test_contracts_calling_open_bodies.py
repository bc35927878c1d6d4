"""A body that is on its way is given as a stream, and every other one is let go."""

import asyncio
from collections.abc import AsyncGenerator

import pytest

from lexigram.contracts.web import (
    HTTPClientStateError,
    HTTPConnectionError,
    HttpResponse,
    HTTPStatusError,
)
from lexigram.contracts.web.calling import body_of, keep_one, leave_open, streamed


class Body:
    """Keeps count of its closes, and of whether its pieces were left properly."""

    def __init__(self, *pieces: bytes, error: Exception | None = None) -> None:
        self.pieces = pieces
        self.error = error
        self.closed = 0
        self.left = False

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        try:
            for piece in self.pieces:
                await asyncio.sleep(0)
                yield piece
            if self.error is not None:
                raise self.error
        finally:
            self.left = True

    async def close(self) -> None:
        self.closed += 1


def response_of(body: Body | None, status: int = 200) -> HttpResponse:
    response = HttpResponse(status, "https://h/", "GET", attempts=3)
    if body is not None:
        leave_open(response, body)
    return response


def test_a_response_has_no_open_body_unless_it_is_said() -> None:
    body = Body()
    assert body_of(response_of(None)) is None
    assert body_of(response_of(body)) is body


async def test_a_stream_is_of_the_open_body_and_closes_it() -> None:
    body = Body(b"a\n", b"b")
    async with streamed(response_of(body)) as stream:
        assert (stream.status, stream.attempts) == (200, 3)
        assert [line async for line in stream] == ["a", "b"]
        assert not body.closed
    assert (body.closed, body.left) == (1, True)


async def test_a_body_that_is_left_early_is_closed() -> None:
    body = Body(b"a", b"b")

    async def leave() -> None:
        async with streamed(response_of(body)) as stream:
            assert await anext(stream.bytes()) == b"a"
            raise LookupError

    with pytest.raises(LookupError):
        await leave()
    assert (body.closed, body.left) == (1, True)


async def test_a_body_that_is_not_read_at_all_is_closed() -> None:
    body = Body(b"a")
    async with streamed(response_of(body)):
        pass
    assert body.closed == 1


@pytest.mark.parametrize("whole", [b"", b"abc"])
async def test_a_complete_response_is_a_stream_as_well(whole: bytes) -> None:
    response = HttpResponse(200, "https://h/", "GET", body=whole)
    async with streamed(response) as stream:
        assert b"".join([piece async for piece in stream.bytes()]) == whole


async def test_the_body_of_an_error_is_none_and_is_closed() -> None:
    body = Body(b"page")
    async with streamed(response_of(body, 500)) as stream:
        with pytest.raises(HTTPStatusError):
            stream.bytes()
    assert body.closed == 1


async def test_what_a_body_raises_says_how_often_it_was_asked_for() -> None:
    error = HTTPConnectionError("Cut.", failure="truncated", url="https://h/")
    async with streamed(response_of(Body(b"a", error=error))) as stream:
        pieces = stream.bytes()
        assert await anext(pieces) == b"a"
        with pytest.raises(HTTPConnectionError) as raised:
            await anext(pieces)
        assert raised.value is error
        assert error.attempts == 3
        with pytest.raises(HTTPClientStateError):
            await anext(pieces)


async def test_one_body_is_kept_and_the_others_are_closed() -> None:
    bodies = [Body(), Body(), Body()]

    async def call() -> HttpResponse:
        return response_of(bodies[1])

    response = await keep_one(call(), bodies)
    assert body_of(response) is bodies[1]
    assert [body.closed for body in bodies] == [1, 0, 1]


async def test_a_call_that_fails_keeps_none() -> None:
    bodies: list[Body] = []

    async def call() -> HttpResponse:
        bodies.extend([Body(), Body()])
        raise LookupError

    with pytest.raises(LookupError):
        await keep_one(call(), bodies)
    assert [body.closed for body in bodies] == [1, 1]


async def test_a_body_that_cannot_be_closed_holds_no_other_one_up() -> None:
    class Stuck(Body):
        async def close(self) -> None:
            raise OSError("stuck")

    bodies = [Body(), Stuck(), Body()]

    async def call() -> HttpResponse:
        return response_of(None)

    with pytest.raises(OSError, match="stuck"):
        await keep_one(call(), bodies)
    assert [body.closed for body in bodies] == [1, 0, 1]


async def test_who_is_cancelled_while_others_are_closed_keeps_none() -> None:
    class Slow(Body):
        async def close(self) -> None:
            closing.set()
            await asyncio.Event().wait()

    closing = asyncio.Event()
    bodies = [Slow(), Body(), Body()]

    async def call() -> HttpResponse:
        return response_of(bodies[1])

    keeping = asyncio.create_task(keep_one(call(), bodies))
    async with asyncio.timeout(10):
        await closing.wait()
        keeping.cancel()
        with pytest.raises(asyncio.CancelledError):
            await keeping
    assert [body.closed for body in bodies] == [0, 1, 1]
