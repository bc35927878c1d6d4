"""The calls of the soak: which there are, how often, and what one must come to."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from random import Random
from typing import Any, Final, TypeAlias

from soaking.ledger import Ledger, word_for
from soaking.upstream import HOST, MISSING

from lexigram.contracts.web import HTTPClientError, HTTPClientStateError, HttpResponse
from lexigram.http import HTTPClient
from lexigram.result import Result

_PIECES: Final = 8
_PIECE: Final = b"p" * 4096

WEIGHTS: Final = {
    "ok": 40, "big": 5, "packed": 5, "bad_gzip": 1, "missing": 4, "failing": 1,
    "flaky": 4, "busy": 3, "reset": 3, "broken": 1, "truncated": 1, "closing": 3,
    "stalled": 0.5, "dripping": 4, "huge": 1, "moved": 4, "circling": 0.5,
}  # fmt: skip
"""How often a call of a verb meets which behaviour of the server."""

STREAMS: Final = {"lines": 5, "events": 3, "cut": 2}
"""The same of streams."""

EXPECTED: Final = {
    "connection_error", "timeout", "circuit_open", "rejected", "too_many_redirects",
}  # fmt: skip
"""What calls may fail with, in the words of the metrics."""

CANCELLED: Final = 0.1
"""The share of calls whose caller leaves at a random moment."""
_LONGEST_PATIENCE: Final = 0.03


class Caller:
    """Makes one call after another, each as its number and the seed say."""

    def __init__(self, seed: int, port: int, ledger: Ledger) -> None:
        self._seed = seed
        self._port = port
        self._ledger = ledger

    async def call(self, number: int, client: HTTPClient) -> None:
        """Make the call of this number, and enter it into the books."""
        random = Random(self._seed * 1_000_003 + number)  # noqa: S311 - to be repeated
        self._ledger.began += 1
        make = random.choices(list(_KINDS), list(_KINDS.values()))[0]
        task = asyncio.create_task(make(self, number, client, random))
        if random.random() < CANCELLED:
            asyncio.get_running_loop().call_later(
                random.uniform(0, _LONGEST_PATIENCE), task.cancel
            )
        try:
            await task
        except asyncio.CancelledError:
            if not task.cancelled():
                raise
        except Exception:  # noqa: BLE001 - nothing else may come out of a call
            self._ledger.problem(f"call {number}: {traceback.format_exc()}")

    def _url(self, behaviour: str, number: int, host: str = HOST) -> str:
        return f"http://{host}:{self._port}/{behaviour}/{number}"

    async def _verb(self, number: int, client: HTTPClient, random: Random) -> None:
        behaviour = random.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]
        host = MISSING if random.random() < 0.01 else HOST  # noqa: PLR2004 - rarely
        made = client.get(self._url(behaviour, number, host))
        response = await self._entered("GET", made)
        if response is not None and behaviour == "ok":
            self._check(response, number, 0)

    async def _upload(self, number: int, client: HTTPClient, random: Random) -> None:
        behaviour = random.choice(["ok", "ok", "flaky", "reset", "broken", "missing"])
        url = self._url(behaviour, number)
        if random.random() < 0.5:  # noqa: PLR2004 - a coin
            made = client.put(url, content=_pieces)  # may be sent again
            response = await self._entered("PUT", made)
        else:
            made = client.post(url, content=_pieces())
            response = await self._entered("POST", made)
        if response is not None:
            self._check(response, number, _PIECES * len(_PIECE))

    async def _stream(self, number: int, client: HTTPClient, random: Random) -> None:
        behaviour = random.choices(list(STREAMS), list(STREAMS.values()))[0]
        wanted = random.randint(1, 25)
        began = False
        try:
            async with client.stream("GET", self._url(behaviour, number)) as stream:
                self._ledger.answered["GET", str(stream.status)] += 1
                began = True
                async for _ in stream.lines():
                    wanted -= 1
                    if not wanted:
                        break
        except HTTPClientError as error:
            if not began:
                self._failed("GET", error)
            self._ledger.streams_broken += began
        except asyncio.CancelledError:
            self._ledger.cancelled += not began
            raise

    async def _entered(
        self, method: str, made: Awaitable[Result[HttpResponse, HTTPClientError]]
    ) -> HttpResponse | None:
        """Wait for a verb, and enter what it came to; return what was a success."""
        try:
            result = await made
        except HTTPClientError as error:
            self._failed(method, error)
            return None
        except asyncio.CancelledError:
            self._ledger.cancelled += 1
            raise
        if result.is_ok():
            response = result.value
            self._ledger.answered[method, str(response.status)] += 1
            return response
        self._failed(method, result.unwrap_err())
        return None

    def _failed(self, method: str, error: HTTPClientError) -> None:
        if isinstance(error, HTTPClientStateError):
            self._ledger.unmeasured += 1  # the client was being restarted
        elif status := getattr(error, "status", None):
            self._ledger.answered[method, str(status)] += 1
        else:
            word = word_for(error)
            self._ledger.failed[method, word] += 1
            if word not in EXPECTED:
                self._ledger.problem(f"a call failed as nothing may here: {error!s}")

    def _check(self, response: HttpResponse, number: int, received: int) -> None:
        expected = {"call": number, "received": received}
        if response.json != expected:
            self._ledger.problem(f"call {number}: {response.json!r}, not {expected!r}")


_Kind: TypeAlias = Callable[
    [Caller, int, HTTPClient, Random], Coroutine[Any, Any, None]
]

_KINDS: Final[dict[_Kind, int]] = {
    Caller._verb: 80,  # noqa: SLF001 - of the class above
    Caller._upload: 10,  # noqa: SLF001 - the same
    Caller._stream: 10,  # noqa: SLF001 - the same
}


async def _pieces() -> AsyncIterator[bytes]:
    for _ in range(_PIECES):
        yield _PIECE
        await asyncio.sleep(0)
