"""Removing content codings (RFC 9110 §8.4.1), a bounded piece at a time.

Whatever arrives, a step makes no more than `PIECE` bytes, so that who reads can stop a
bomb before it is in memory; and a stream that lacks its end is told from a complete one,
which neither zlib nor the clients built on it do by themselves.

br and zstd need a library. It is looked for when it is needed, by name: the contracts
depend on none.
"""

from __future__ import annotations

import importlib
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Final, Protocol

from lexigram.contracts.web import ConnectionFailure

__all__ = ["PIECE", "CodingError", "Decoder", "accepted_codings", "decoders"]

PIECE: Final = 64 * 1024
"""Most bytes that a decoder makes at once."""

# What a decoder is given at once. zlib copies what is left of its input at every step
# and at every member: with the whole of a large chunk that would take quadratic time.
_SLICE: Final = 16 * 1024

# As many as curl allows: each one multiplies what a byte on the wire can become
# (https://curl.se/docs/CVE-2022-32206.html).
_MOST_CODINGS: Final = 5

_GZIP: Final = zlib.MAX_WBITS | 16
_ZLIB: Final = zlib.MAX_WBITS
_RAW: Final = -zlib.MAX_WBITS

# The rest of https://www.iana.org/assignments/http-parameters, content codings.
_OTHER_REGISTERED: Final = frozenset(
    {"aes128gcm", "compress", "dcb", "dcz", "exi", "pack200-gzip", "x-compress"}
)

# RFC 9659 §3: a frame that asks for more than 8 MiB is to be refused.
_ZSTD_WINDOW_LOG: Final = 23

_BROTLI_LIBRARIES: Final = ("brotli", "brotlicffi")
# In the standard library since Python 3.14, with the same names elsewhere before.
_ZSTD_LIBRARIES: Final = ("compression.zstd", "backports.zstd")


class CodingError(ValueError):
    """Content cannot be read by the coding that it is labelled with.

    Attributes:
        failure: What to call it.
        retryable: Whether another attempt may get better content.
    """

    def __init__(
        self, message: str, failure: ConnectionFailure, *, retryable: bool = True
    ) -> None:
        super().__init__(message)
        self.failure: ConnectionFailure = failure
        self.retryable = retryable


class _Stream(Protocol):
    """Takes one coding away."""

    @property
    def complete(self) -> bool:
        """Whether the data may end here."""
        ...

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield the content, in pieces of at most `PIECE` bytes."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Decoder:
    """One coding of a body, and how far it is read."""

    coding: str
    """Its name."""
    stream: _Stream
    errors: tuple[type[Exception], ...]
    """What the library raises at data that is not in the coding."""

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield what the next part of the data decodes to, piece by piece.

        Raises:
            CodingError: It is not in the coding, or there is more after its end.
        """
        try:
            for start in range(0, len(data), _SLICE):
                yield from self.stream.feed(data[start : start + _SLICE])
        except self.errors as error:
            raise CodingError(
                f"The body is labelled {self.coding!r} and is broken ({error}).",
                "truncated",
            ) from error

    def finish(self) -> None:
        """Take note that there is no more data.

        Raises:
            CodingError: There should be.
        """
        if not self.stream.complete:
            raise CodingError(
                f"The body is labelled {self.coding!r} and ends too early.", "truncated"
            )


def accepted_codings() -> str:
    """Return the value of Accept-Encoding that names what can be decoded here."""
    names = ["gzip", "deflate"]
    if _brotli() is not None:
        names.append("br")
    if _zstd() is not None:
        names.append("zstd")
    return ", ".join(names)


def decoders(labels: Iterable[str]) -> tuple[Decoder, ...]:
    """Return what decodes a body, in the order to apply it.

    A label that is not registered as a coding is ignored, as browsers do
    (https://fetch.spec.whatwg.org/#handle-content-codings): in practice it is a mistake
    ("utf-8", "none") or names what a proxy has removed ("aws-chunked"), and the field
    stays in the response for who knows better. A registered one that cannot be removed is
    an error, as for curl: its bytes would look like content.

    Args:
        labels: The values of Content-Encoding.

    Raises:
        CodingError: Nothing here decodes one of them, or there are too many.
    """
    names = [name.strip().lower() for label in labels for name in label.split(",")]
    known = [name for name in names if name in _DECODERS or name in _OTHER_REGISTERED]
    if len(known) > _MOST_CODINGS:
        raise CodingError(
            f"The body is in {len(known)} codings, and {_MOST_CODINGS} are accepted.",
            "protocol",
            retryable=False,
        )
    return tuple(_decoder(name) for name in reversed(known))


def _decoder(name: str) -> Decoder:
    make = _DECODERS.get(name)
    if make is None:
        raise _unreadable(name, "which this client cannot read")
    return make(name)


def _unreadable(name: str, why: str) -> CodingError:
    return CodingError(
        f"The body is labelled {name!r}, {why}. "
        "`Accept-Encoding: gzip` in the headers of the request asks for another.",
        "protocol",
        retryable=False,
    )


class _Members:
    """Streams one after the other, of which each says where it ends.

    RFC 1952 §2.2 and RFC 8878 §3.1 allow any number of them and nothing else in between
    or after, so other data at the end is an error.
    """

    def __init__(
        self, start: Callable[[], Any], run: Callable[[Any, bytes], Iterator[bytes]]
    ) -> None:
        self._start = start
        self._run = run
        self._member: Any = None

    @property
    def complete(self) -> bool:
        return self._member is None

    def feed(self, data: bytes) -> Iterator[bytes]:
        while data:
            if self._member is None:
                self._member = self._start()
            member = self._member
            yield from self._run(member, data)
            if not member.eof:
                return
            data, self._member = member.unused_data, None


def _inflate(member: Any, data: bytes) -> Iterator[bytes]:
    """Run one decompressor of zlib over its next data."""
    while True:
        content = member.decompress(data, PIECE)
        if content:
            yield content
        data = member.unconsumed_tail
        # A full piece may have left more inside, with no input left to show for it.
        if member.eof or (not data and len(content) < PIECE):
            return


def _unpack(frame: Any, data: bytes) -> Iterator[bytes]:
    """Run one decompressor of zstd over its next data."""
    while True:
        content = frame.decompress(data, max_length=PIECE)
        data = b""
        if content:
            yield content
        if frame.eof or frame.needs_input:
            return


class _Deflate:
    """One zlib stream, or without its header one deflate stream, as many servers send.

    RFC 9110 §8.4.1.2 notes the second. The two bytes of the header say which one it is:
    they name the method and hold a check (RFC 1950 §2.2).
    """

    def __init__(self) -> None:
        self._head = b""
        self._stream: Any = None

    @property
    def complete(self) -> bool:
        return self._stream is not None and bool(self._stream.eof)

    def feed(self, data: bytes) -> Iterator[bytes]:
        if self._stream is None:
            data = self._head + data
            if len(data) < 2:  # noqa: PLR2004 - the size of the header
                self._head = data
                return
            headed = (
                data[0] & 0xF == zlib.DEFLATED and (data[0] << 8 | data[1]) % 31 == 0
            )
            self._stream = zlib.decompressobj(_ZLIB if headed else _RAW)
        elif self._stream.eof:
            raise zlib.error("more data after its end")
        yield from _inflate(self._stream, data)
        if self._stream.unused_data:
            raise zlib.error("more data after its end")


class _Brotli:
    """One brotli stream (RFC 7932)."""

    # The library goes beyond its limit: this one makes it stop at 32 KiB.
    _LIMIT: Final = 16 * 1024

    def __init__(self, library: Any) -> None:
        self._stream = library.Decompressor()
        self._error: type[Exception] = library.error

    @property
    def complete(self) -> bool:
        return bool(self._stream.is_finished())

    def feed(self, data: bytes) -> Iterator[bytes]:
        if self.complete:
            raise self._error("more data after its end")
        while not self.complete:
            content = self._stream.process(data, output_buffer_limit=self._LIMIT)
            data = b""
            if not content:
                # Only this says that nothing is left inside.
                return
            yield content


def _new_gzip(name: str) -> Decoder:
    members = _Members(lambda: zlib.decompressobj(_GZIP), _inflate)
    return Decoder(name, members, (zlib.error,))


def _new_deflate(name: str) -> Decoder:
    return Decoder(name, _Deflate(), (zlib.error,))


def _new_brotli(name: str) -> Decoder:
    library = _brotli()
    if library is None:
        raise _unreadable(
            name,
            'which takes brotli 1.2 or later (`pip install "lexigram-http[brotli]"`)',
        )
    return Decoder(name, _Brotli(library), (library.error,))


def _new_zstd(name: str) -> Decoder:
    library = _zstd()
    if library is None:
        raise _unreadable(
            name, 'which takes one more library (`pip install "lexigram-http[zstd]"`)'
        )
    limits = {library.DecompressionParameter.window_log_max: _ZSTD_WINDOW_LOG}
    frames = _Members(lambda: library.ZstdDecompressor(options=limits), _unpack)
    return Decoder(name, frames, (library.ZstdError,))


# RFC 9110 §8.4.1.3: x-gzip is another name for gzip.
_DECODERS: Final[dict[str, Callable[[str], Decoder]]] = {
    "gzip": _new_gzip,
    "x-gzip": _new_gzip,
    "deflate": _new_deflate,
    "br": _new_brotli,
    "zstd": _new_zstd,
}


def _brotli() -> Any:
    library = _first_of(_BROTLI_LIBRARIES)
    # Earlier releases cannot be told to stop.
    return library if hasattr(_decompressor(library), "can_accept_more_data") else None


def _decompressor(library: ModuleType | None) -> object:
    return getattr(library, "Decompressor", None)


def _zstd() -> Any:
    return _first_of(_ZSTD_LIBRARIES)


def _first_of(names: Iterable[str]) -> ModuleType | None:
    for name in names:
        try:
            return importlib.import_module(name)
        except ImportError:
            continue
    return None
