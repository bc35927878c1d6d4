"""Calls that are sent once, whichever worker is told to make them."""

from __future__ import annotations

import base64
import hashlib
import json
import logging
from collections.abc import Collection
from typing import Any, Final, Literal

from lexigram.contracts.clock import ClockProtocol, SystemClock
from lexigram.contracts.redaction import redact_url
from lexigram.contracts.resilience import (
    IdempotencyClaim,
    IdempotencyStoreError,
    IdempotencyStoreProtocol,
)
from lexigram.contracts.web import (
    AroundInterceptorProtocol,
    Headers,
    HTTPInvalidRequestError,
    HTTPRejectedError,
    Proceed,
    RequestContext,
    ResponseContext,
)

_log = logging.getLogger("lexigram.http.interceptors.once")

_UNDECIDED: Final = frozenset({408, 409, 425, 429})
"""Answers after which the same call may yet be carried out, as after all from 500 on.
409 is what servers answer while they still work at a call of the same key."""

_BODILESS: Final = frozenset({204, 304})

_FIRST_PAUSE: Final = 0.05
_LONGEST_PAUSE: Final = 1.0


class SendOnce(AroundInterceptorProtocol):
    """Sends a call with an idempotency key once, and gives its answer to all who repeat it.

    Two workers that are told to make the same call, by a queue that delivers twice, say,
    give it the same `Idempotency-Key`. The first claims it in the store and sends the
    call; while it does, the others wait or are refused; from then on they get the answer
    that is kept, with the header `Idempotent-Replayed: true`. A worker that crashes loses
    its claim after `lease` seconds, and the next one takes over.

    An answer is kept unless the call may yet be carried out: after a failure, 408, 409,
    425, 429 and all from 500 on the key is free again. Where a worker crashed, or took
    longer than its lease, a call is sent again: use it with servers that know the key,
    too. Put it first: what stands before it also happens to calls that are not sent.
    Calls without a key pass.

    Args:
        store: Where keys are claimed: that of the `ResilienceModule` is one of all
            workers where a store is configured.
        lease: Seconds that a claim lasts: longer than the call takes with all attempts.
        keep: Seconds that an answer is kept.
        wait: The longest wait for another worker's answer, in seconds.
        on_store_error: "closed" refuses calls that cannot be claimed, since the store
            does not answer; "open" sends them, and leaves it to the server to know keys.
        header: The header that has the key.
        unkept: Names of headers of an answer that are not kept, such as cookies.
        max_body: Bytes of an answer's body up to which it is kept. Of a longer one, and of
            one that the caller streams, only that there was one is kept: who repeats the
            call is refused.
        clock: What waits.

    Example:
        >>> once = SendOnce(MemoryIdempotencyStore(), wait=5.0)
        >>> async with HTTPClient(interceptors=[once]) as client:
        ...     for _ in range(2):
        ...         result = await client.post(
        ...             "https://api.example.com/orders", idempotency_key="order-1"
        ...         )
        >>> result.unwrap().headers["Idempotent-Replayed"]
        'true'
    """

    def __init__(  # noqa: PLR0913 - all by name, and each with a default
        self,
        store: IdempotencyStoreProtocol,
        *,
        lease: float = 120.0,
        keep: float = 86_400.0,
        wait: float = 0.0,
        on_store_error: Literal["open", "closed"] = "closed",
        header: str = "Idempotency-Key",
        unkept: Collection[str] = ("Set-Cookie",),
        max_body: int = 1 << 20,
        clock: ClockProtocol | None = None,
    ) -> None:
        self._store = store
        self._lease = lease
        self._keep = keep
        self._longest = wait
        self._on_store_error = on_store_error
        self._header = header
        self._unkept = frozenset(name.lower() for name in unkept)
        self._max_body = max_body
        self._clock = clock or SystemClock()

    def __repr__(self) -> str:
        return f"<SendOnce by {self._header}, {self._store!r}>"

    async def around(
        self, request: RequestContext, proceed: Proceed, /
    ) -> ResponseContext:
        """Return the answer to the call, or the kept one to the same call before.

        Raises:
            HTTPRejectedError: Another worker makes the call, or whether one does cannot
                be said, or its answer was not kept; nothing was sent.
            HTTPInvalidRequestError: The key belongs to another request.
        """
        if self._header not in request.headers:
            return await proceed(request)
        key = _name(request, request.headers[self._header])
        try:
            claim = await self._claim(key)
        except IdempotencyStoreError as error:
            if self._on_store_error == "open":
                return await proceed(request)
            raise _rejected(request, f"was not claimed: {error}") from error
        if claim.state == "claimed":
            return await self._send(claim, request, proceed)
        if claim.state == "finished":
            return _replayed(claim.result, request)
        raise _rejected(
            request, "is being sent by another worker.", retry_after=claim.retry_after
        )

    async def _claim(self, key: str) -> IdempotencyClaim:
        claim = await self._store.claim(key, lease=self._lease)
        end, pause = self._clock.monotonic() + self._longest, _FIRST_PAUSE
        while claim.state == "taken":
            left = end - self._clock.monotonic()
            if left <= 0:
                return claim
            await self._clock.sleep(min(pause, left, claim.retry_after or pause))
            pause = min(2 * pause, _LONGEST_PAUSE)
            claim = await self._store.claim(key, lease=self._lease)
        return claim

    async def _send(
        self, claim: IdempotencyClaim, request: RequestContext, proceed: Proceed
    ) -> ResponseContext:
        asked = _fingerprint(request)
        try:
            response = await proceed(request)
        except Exception:  # whatever it was, the key is free again
            # Cancelled calls keep the key until the lease is over: they end now.
            await self._settle(claim, None)
            raise
        is_final = response.status < 500 and response.status not in _UNDECIDED  # noqa: PLR2004 - a class of statuses
        await self._settle(claim, self._kept(response, asked) if is_final else None)
        return response

    async def _settle(self, claim: IdempotencyClaim, result: bytes | None) -> None:
        """Keep the result, or give up the key; the call is over whether it works or not."""
        try:
            if result is None:
                kept = await self._store.release(claim)
            else:
                kept = await self._store.finish(claim, result, keep=self._keep)
            problem = "" if kept else "the lease was over"
        except IdempotencyStoreError as error:
            problem = str(error)
        if problem:
            _log.warning("http.once.not_kept", extra={"reason": problem})

    def _kept(self, response: ResponseContext, asked: str) -> bytes:
        fits = len(response.body) <= self._max_body and not _is_streamed(response)
        headers = [
            pair
            for pair in response.headers.pairs
            if pair[0].lower() not in self._unkept
        ]
        body = base64.b64encode(response.body).decode() if fits else None
        facts = {
            "asked": asked,
            "status": response.status,
            "headers": headers,
            "body": body,
        }
        return json.dumps(facts).encode()


def _name(request: RequestContext, key: str) -> str:
    """Return what a call is known by: the store sees neither the key nor the URL."""
    what = "\n".join((request.method, request.url.partition("?")[0], key))
    return hashlib.sha256(what.encode()).hexdigest()


def _fingerprint(request: RequestContext) -> str:
    """Return what tells requests of one key apart; a body that is streamed does not."""
    digest = hashlib.sha256(request.url.encode() + b"\n")
    digest.update(request.body or b"")
    return digest.hexdigest()


def _is_streamed(response: ResponseContext) -> bool:
    """Say whether there is, or may be, a body that is read later."""
    if response.body or response.status in _BODILESS:
        return False
    return response.headers.get("Content-Length") != "0"


def _replayed(result: bytes, request: RequestContext) -> ResponseContext:
    facts: dict[str, Any] = json.loads(result)
    if facts["asked"] != _fingerprint(request):
        raise HTTPInvalidRequestError(
            f"{request.method} {redact_url(request.url)} has the idempotency key of "
            "another request, which was answered. Give each call a key of its own.",
            method=request.method,
            url=request.url,
        )
    if facts["body"] is None:
        raise _rejected(request, "was sent before, and its answer not kept.")
    headers = [(name, value) for name, value in facts["headers"]]
    return ResponseContext(
        status=facts["status"],
        headers=Headers([*headers, ("Idempotent-Replayed", "true")]),
        body=base64.b64decode(facts["body"]),
    )


def _rejected(
    request: RequestContext, why: str, *, retry_after: float | None = None
) -> HTTPRejectedError:
    return HTTPRejectedError(
        f"The call of this idempotency key {why}",
        retry_after=retry_after,
        method=request.method,
        url=request.url,
        retryable=True,
    )
