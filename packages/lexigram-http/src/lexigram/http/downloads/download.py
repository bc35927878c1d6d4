"""A response that becomes a file."""

from __future__ import annotations

import hashlib
import os
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Unpack

from lexigram.contracts.clock import ClockProtocol, SystemClock
from lexigram.contracts.redaction import redact_url
from lexigram.contracts.web import (
    Headers,
    HeaderSource,
    HTTPClientError,
    HTTPInvalidRequestError,
    HTTPResponseTooLargeError,
    MutableHeaders,
    RequestOptions,
    ResponseStreamProtocol,
    StreamingHTTPClientProtocol,
)
from lexigram.http.downloads.blocks import BlockWriter, in_thread
from lexigram.http.downloads.checksums import Checksum
from lexigram.http.downloads.errors import DownloadError, DownloadProblem
from lexigram.http.downloads.part import PartFile
from lexigram.http.downloads.ranges import (
    Answer,
    Asked,
    Complete,
    Misfit,
    Rest,
    Unusable,
    Whole,
    read_answer,
)
from lexigram.http.downloads.resuming import Resume, Resumption, may_pass
from lexigram.http.progress import Meter, ProgressCallback

_UNSATISFIABLE: Final = 416
_OWN_FIELDS: Final = ("range", "if-range", "accept-encoding")

# After these the part is not worth going on with.
_SPOILT: Final = frozenset({"checksum", "range"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Download:
    """A file that was downloaded."""

    path: Path
    """Where it is."""
    size: int
    """Its size in bytes."""
    url: str
    """The URL that answered, after redirects."""
    headers: Headers
    """The header fields of the last answer; of the rest alone, where there was one."""
    resumed_from: int = 0
    """The bytes that were there from an earlier call."""
    interruptions: int = 0
    """How often the transfer was interrupted, and went on."""
    checksum: str | None = None
    """That of the file, as "sha256:9f86d0…", when one was asked for."""

    def __repr__(self) -> str:
        return f"<Download {str(self.path)!r}, {self.size} bytes from {redact_url(self.url)}>"


class DownloadOptions(RequestOptions, total=False):
    """What `download` takes beside the options of a call."""

    progress: ProgressCallback | None
    """Is told how far it is."""

    resume: bool | Resume
    """Whether to go on where an earlier call, or an interruption, has left it."""

    checksum: str | None
    """What the file has to be: "sha256:9f86d0…"; "sha256" alone has it worked out."""

    max_bytes: int | None
    """The largest file to accept; None accepts any."""

    overwrite: bool
    """Whether a file at `path` is replaced."""


async def download(  # noqa: PLR0913 - options, each by its name
    client: StreamingHTTPClientProtocol,
    url: str,
    path: str | os.PathLike[str],
    *,
    progress: ProgressCallback | None = None,
    resume: bool | Resume = True,
    checksum: str | None = None,
    max_bytes: int | None = None,
    overwrite: bool = False,
    clock: ClockProtocol | None = None,
    **options: Unpack[RequestOptions],
) -> Download:
    """Fetch a URL into a file, which is complete or not there.

    The bytes go to a part beside it, `<name>.lexigram-part`, which is renamed once it is
    on the disk. What is interrupted goes on with a request for the rest (RFC 9110 §14),
    on the condition that the file is still the same: within the call, and in a later one
    with the same URL and `params`, also of another process. That takes a strong ETag or
    Last-Modified; without one, or when the file has changed, it begins again. The first
    request is repeated by the client's own rules alone, and `retry=False` leaves going
    on to a later call.

    A cancellation waits until what has arrived is written, 2 MiB at most, and passes
    through. Whether a loss of power has damaged a part only `checksum` can tell.

    Args:
        client: Sends the requests.
        url: What to fetch, with GET.
        path: Where to; its folder is there.
        progress: Is told how far it is.
        resume: False begins from the start, and leaves nothing behind when it fails.
        checksum: "sha256:9f86d0…", by any algorithm of `hashlib`; of another file nothing
            is left. "sha256" alone has it worked out.
        max_bytes: The largest file to accept; None accepts any.
        overwrite: Whether a file at `path` is replaced.
        clock: Waits between interruptions; left out, the event loop's.
        options: For each request. The timeout ends with the head of a response; silence
            within the body is limited by `Timeouts(read=...)`, the whole by
            `asyncio.timeout`.

    Raises:
        HTTPStatusError: The status is 400 or more.
        HTTPResponseTooLargeError: The file is larger than `max_bytes`.
        DownloadError: The checksum differs, or what the server answers is not the file.
        HTTPInvalidRequestError: The headers hold `Range`, `If-Range` or
            `Accept-Encoding`, which are set here.
        HTTPClientError: There is no answer, or it was interrupted too often.
        FileExistsError: There is something at `path`, and `overwrite` is false.
        BlockingIOError: Another download to the same path is under way.
        OSError: The disk is full, or the file cannot be written for another reason.
        ValueError: `checksum` or `max_bytes` is not usable.

    Example:
        >>> async with HTTPClient() as client:
        ...     url = "https://api.example.com/image.iso"
        ...     done = await download(client, url, "image.iso", checksum=CHECKSUM)
        >>> done.size
        300000
    """
    options["headers"] = _checked(url, options.get("headers", ()))
    if max_bytes is not None and max_bytes < 0:
        raise ValueError(f"max_bytes={max_bytes!r} is negative. None sets no limit.")
    digest = None if checksum is None else Checksum(checksum)
    part = PartFile(Path(path), _purpose(url, options), digest)
    plan = Resume() if resume is True else resume or None
    within = Resume(attempts=0) if plan is None or _once(options) else plan
    transfer = _Transfer(
        client=client,
        url=url,
        options=options,
        part=part,
        checksum=digest,
        resumption=Resumption(within),
        meter=Meter(progress),
        max_bytes=max_bytes,
        clock=clock or SystemClock(),
    )
    try:
        await in_thread(part.open, resume=plan is not None, overwrite=overwrite)
        await transfer.run()
        await in_thread(part.complete, overwrite=overwrite)
    except BaseException as error:  # what is left is put in order
        keep = plan is not None and not _is_spoilt(error)
        if await in_thread(part.leave, keep=keep):
            error.add_note(
                f"What has arrived is in {str(part.path)!r}: the same call goes on there."
            )
        raise
    return transfer.result()


@dataclass(slots=True)
class _Transfer:
    """One download, over all of its requests."""

    client: StreamingHTTPClientProtocol
    url: str = field(repr=False)  # with its query
    options: RequestOptions = field(repr=False)  # credentials among them
    part: PartFile
    checksum: Checksum | None
    resumption: Resumption
    meter: Meter
    max_bytes: int | None
    clock: ClockProtocol
    answered: tuple[str, Headers] | None = None
    with_ranges: bool = True
    received: int = 0
    resumed_from: int = 0

    async def run(self) -> None:
        """Bring the part to its end."""
        await self._read_what_is_there()
        complete = False
        while not complete:
            before, error = self.received, None
            try:
                complete = await self._exchange()
            except HTTPClientError as failure:
                if self.answered is None or not may_pass(failure):
                    raise
                error = failure
            if not complete:
                await self._pause(self.received - before, error)
        if self.checksum is not None and not self.checksum.fits:
            raise self._error(
                f"The checksum of the file is {self.checksum.value}, and not "
                f"{self.checksum.expected}.",
                "checksum",
            )
        self.meter.end()

    def result(self) -> Download:
        """Return what became of it."""
        url, headers = self.answered or (self.url, Headers())
        return Download(
            path=self.part.target,
            size=self.part.size,
            url=url,
            headers=headers,
            resumed_from=self.resumed_from,
            interruptions=self.resumption.interruptions,
            checksum=None if self.checksum is None else self.checksum.value,
        )

    async def _read_what_is_there(self) -> None:
        """Have the checksum take in what an earlier call has left."""
        position = 0
        while self.checksum is not None and position < self.part.size:
            position = await in_thread(self.part.read_on, position, self.checksum)

    async def _exchange(self) -> bool:
        """Send one request and take its body; return whether the file is complete."""
        asked = self.part.asked if self.with_ranges else None
        async with self._ask(asked) as stream:
            if not (asked and stream.status == _UNSATISFIABLE):
                stream.raise_for_status()
            answer = read_answer(stream.status, stream.headers, asked)
            if asked is None or not isinstance(answer, Misfit):
                return await self._take(answer, stream, asked)
        # Once is enough: what it does with ranges is no help.
        self.with_ranges = False
        await in_thread(self.part.begin, None, None)
        return await self._exchange()

    def _ask(
        self, asked: Asked | None
    ) -> AbstractAsyncContextManager[ResponseStreamProtocol]:
        headers = MutableHeaders(self.options.get("headers", ()))
        # Positions are those of the file itself, and so are the bytes.
        headers["Accept-Encoding"] = "identity"
        if asked is not None:
            headers["Range"] = f"bytes={asked.offset}-"
            headers["If-Range"] = asked.validator
        options: RequestOptions = {**self.options, "headers": headers}
        if self.resumption.failures:
            options["repeats"] = True
        return self.client.stream("GET", self.url, **options)

    async def _take(
        self, answer: Answer, stream: ResponseStreamProtocol, asked: Asked | None
    ) -> bool:
        """Take the body of an answer; return whether the file is complete."""
        if isinstance(answer, Misfit):
            raise self._error(f"The answer cannot be used: {answer.why}.", "range")
        if isinstance(answer, Unusable):
            raise self._error(f"The answer {stream.status} is no file.", "answer")
        first, self.answered = self.answered is None, (stream.url, stream.headers)
        if isinstance(answer, Whole):
            self.meter.resumed_from = self.resumed_from = 0
            await in_thread(self.part.begin, answer.validator, answer.total)
        elif first and asked is not None:
            self.meter.resumed_from = self.resumed_from = asked.offset
        if isinstance(answer, Complete):
            self._check_size(self.part.size)
            self.meter.begin(self.part.size, done=self.part.size)
            return True
        return await self._read(answer, stream)

    async def _read(self, answer: Whole | Rest, stream: ResponseStreamProtocol) -> bool:
        total = answer.total
        end = answer.end if isinstance(answer, Rest) else total
        self._check_size(total or 0)
        self.meter.begin(total, done=self.part.size)
        await self._write(stream, end)
        if total is None:  # then the end of the whole is where the body ends
            return isinstance(answer, Whole)
        return self.part.size == total

    async def _write(self, stream: ResponseStreamProtocol, end: int | None) -> None:
        position, blocks = self.part.size, BlockWriter(self.part)
        try:
            async for chunk in stream.bytes():
                position += len(chunk)
                self._check_size(position)
                if end is not None and position > end:
                    raise self._error(f"It goes on after {end} bytes.", "range")
                await blocks.add(chunk)
                self.received += len(chunk)
                self.meter.add(len(chunk))
        finally:
            await blocks.drain()

    async def _pause(self, gained: int, error: HTTPClientError | None) -> None:
        """Wait before the next request, or raise when there is to be none."""
        seconds = self.resumption.wait(gained, error)
        if seconds is None:
            raise error or self._error(
                f"The answer ended after {self.part.size} bytes, before the end.",
                "short",
            )
        if seconds:
            await self.clock.sleep(seconds)

    def _check_size(self, size: int) -> None:
        if self.max_bytes is not None and size > self.max_bytes:
            raise HTTPResponseTooLargeError(
                f"The file is larger than max_bytes={self.max_bytes}.",
                limit=self.max_bytes,
                method="GET",
                url=self.url,
                request_sent="yes",
            )

    def _error(self, message: str, reason: DownloadProblem) -> DownloadError:
        return DownloadError(
            message, reason=reason, method="GET", url=self.url, request_sent="yes"
        )


def _checked(url: str, source: HeaderSource) -> Headers:
    """Return the header fields for each request, which may be given as an iterator."""
    headers = Headers(source)
    for name in _OWN_FIELDS:
        if name in headers:
            raise HTTPInvalidRequestError(
                f"A download sets {name.title()!r} itself. Leave it out of `headers`.",
                method="GET",
                url=url,
            )
    return headers


def _purpose(url: str, options: RequestOptions) -> str:
    """Return what stands for a request in a note: not the URL, which may hold secrets."""
    asked = repr((url, options.get("params")))
    return hashlib.sha256(asked.encode("utf-8", "surrogatepass")).hexdigest()


def _once(options: RequestOptions) -> bool:
    return options.get("retry") is False


def _is_spoilt(error: BaseException) -> bool:
    if isinstance(error, DownloadError):
        return error.reason in _SPOILT
    return isinstance(error, HTTPResponseTooLargeError)
