"""Taking in the body of a response: its size, its codings and its end.

Every client passes what arrives through a `BodyReader`, one on a wire chunk by chunk and
one in memory at once, so that a body is refused, cut or decoded alike.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from lexigram.contracts.web import HTTPConnectionError, RequestContext
from lexigram.contracts.web.calling._codings import CodingError, Decoder, decoders
from lexigram.contracts.web.calling._failures import too_large

__all__ = ["BodyLimits", "BodyReader"]

_REDIRECTION: Final = 300  # RFC 9110 §15.4
_ERROR: Final = 400  # RFC 9110 §15.5
_BODILESS: Final = frozenset({204, 304})  # RFC 9110 §6.4.1
_PARTIAL: Final = 206

# Bytes that are decoded before others on the event loop have a turn.
_TURN: Final = 1024 * 1024


class BodyLimits(NamedTuple):
    """How much of a body is accepted, in bytes; None sets no limit."""

    response: int | None
    """Of any response: more is an error."""
    error: int | None = None
    """Of an error or a redirect: more is cut off, for what matters there is the status."""


class BodyReader:
    """Takes the body of one response and removes its content codings.

    A limit holds for what is received and for what comes out of each coding: a body that
    is small on the wire cannot become large, and one that decodes to nothing cannot go on
    for ever. It is exceeded by less than 64 KiB before it stops the reading.

    The content of 206 is a part of the coded data (RFC 9110 §14.2), which cannot be
    decoded by itself, and stays as it is.

    Args:
        request: What was answered.
        status: The status of the answer.
        limits: How much of the body is accepted.
        labels: The values of Content-Encoding.
        redirects: Whether there is a Location.

    Attributes:
        cut: Whether the body goes on beyond what was kept.
    """

    __slots__ = ("_cuts", "_decoders", "_labels", "_limit", "_pieces", "_request",
                 "_sizes", "_status", "_work", "cut")  # fmt: skip

    cut: bool

    def __init__(
        self,
        request: RequestContext,
        status: int,
        limits: BodyLimits,
        *,
        labels: Sequence[str] = (),
        redirects: bool = False,
    ) -> None:
        self._request = request
        self._status = status
        self._labels = labels if status != _PARTIAL else ()
        self._cuts = status >= _ERROR or (redirects and status >= _REDIRECTION)
        self._limit = _smaller(*limits) if self._cuts else limits.response
        self._decoders: tuple[Decoder, ...] = ()
        # What was received, and what came out of each decoder.
        self._sizes = [0]
        self._pieces: list[bytes] = []
        self._work = 0
        self.cut = False

    def expect(self, length: int | None) -> None:
        """Take note of a declared Content-Length.

        Raises:
            HTTPResponseTooLargeError: There is no need to read so much.
        """
        if length is None or self._limit is None or length <= self._limit:
            return
        if self._cuts or self._request.method == "HEAD" or self._status in _BODILESS:
            return
        raise too_large(self._request, self._limit, f"declares {length}")

    def feed(self, data: bytes) -> Iterable[None]:
        """Take what was received; pauses, for others to run, when it makes much of it.

        To be iterated to its end; after that, there is no need for more data if `cut`.

        Raises:
            HTTPResponseTooLargeError: The body is larger than accepted.
            HTTPConnectionError: It is not in the codings that it is labelled with.
        """
        if self._labels:
            return self._decode(data)
        # Without what a generator costs: most bodies come here, once.
        self._pieces.append(self._within_limit(data, 0))
        return ()

    def take(self) -> bytes:
        """Return the content so far, and forget it; for who passes it on meanwhile."""
        if not self._pieces:
            return b""
        pieces = self._pieces
        self._pieces = []
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def end(self) -> bytes:
        """Return the content that was not taken, nothing more being received.

        Raises:
            HTTPConnectionError: The data ends too early for its coding.
        """
        if self._decoders and not self.cut:
            self._finish(self._decoders)
        return self.take()

    def _decode(self, data: bytes) -> Iterator[None]:
        try:
            # Not before there is something to decode: HEAD and 304 have labels as well.
            if not self._decoders:
                self._decoders = decoders(self._labels)
                self._sizes += [0] * len(self._decoders)
            yield from self._take(data, self._decoders, 0)
        except CodingError as error:
            raise self._broken(error) from error

    def _finish(self, stages: tuple[Decoder, ...]) -> None:
        try:
            for stage, decoder in enumerate(stages):
                # No data at all is an empty body, which often keeps its label.
                if self._sizes[stage]:
                    decoder.finish()
        except CodingError as error:
            raise self._broken(error) from error

    def _take(
        self, data: bytes, stages: tuple[Decoder, ...], stage: int
    ) -> Iterator[None]:
        """Count what comes out of a stage, and hand it to the next one."""
        data = self._within_limit(data, stage)
        if stage == len(stages):
            self._pieces.append(data)
        else:
            for piece in stages[stage].feed(data):
                yield from self._take(piece, stages, stage + 1)
                if self.cut and self._limit in self._sizes[stage + 1 :]:
                    return
        if stage:
            self._work += len(data)
            if self._work >= _TURN:
                self._work = 0
                yield

    def _within_limit(self, data: bytes, stage: int) -> bytes:
        size = self._sizes[stage] + len(data)
        if self._limit is not None and size > self._limit:
            if not self._cuts:
                raise too_large(self._request, self._limit, f"holds at least {size}")
            self.cut = True
            data = data[: self._limit - self._sizes[stage]]
        self._sizes[stage] += len(data)
        return data

    def _broken(self, error: CodingError) -> HTTPConnectionError:
        return HTTPConnectionError(
            str(error),
            failure=error.failure,
            method=self._request.method,
            url=self._request.url,
            request_sent="yes",
            retryable=error.retryable,
        )


def _smaller(first: int | None, second: int | None) -> int | None:
    if first is None or second is None:
        return second if first is None else first
    return min(first, second)
