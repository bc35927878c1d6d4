"""Forms with files: multipart/form-data (RFC 7578).

Names and file names are written in UTF-8, with quotes and line breaks percent-encoded, as
browsers do (https://html.spec.whatwg.org/#multipart-form-data); values as they are.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, cast

from lexigram.contracts.web._content import (
    BodyStream,
    ContentSource,
    close_chunks,
    content_of,
)
from lexigram.contracts.web._headers import HeaderSource

__all__ = ["FilePart", "Part", "build_form", "part_of"]

# Larger forms are not copied into one piece, and so are not seen by interceptors either.
_SMALL: Final = 1024 * 1024

_OCTETS: Final = "application/octet-stream"

# The same for every form that does not happen to contain it, so that a form has the same
# bytes in every run of a test.
_BOUNDARY: Final = "lexigram-form-boundary"

_ESCAPES: Final = str.maketrans({'"': "%22", "\r": "%0D", "\n": "%0A"})


@dataclass(frozen=True, slots=True)
class FilePart:
    """A file of a form, with more to say of it than its content.

    Attributes:
        content: What the file holds; a `str` is no content, and no path either.
        filename: What it is called. None: the name of the path or of the open file, or
            else that of the field. An empty one is not sent, and the part is a field
            with a type of its own then, such as JSON beside the files.
        content_type: Its media type; None guesses by the name, and says
            application/octet-stream of what it does not know.
        headers: More fields for the head of the part. RFC 7578 §4.8 allows servers to
            ignore them.
    """

    content: ContentSource = field(repr=False)
    filename: str | None = None
    content_type: str | None = None
    headers: HeaderSource = ()


class Part:
    """One entry of a form, ready to be written."""

    # Not a data class: that takes as long to make as all the rest of this module.
    __slots__ = ("content", "fields", "filename", "name")

    name: str
    content: bytes | BodyStream

    def __init__(
        self,
        name: str,
        content: bytes | BodyStream,
        filename: str = "",
        fields: Sequence[tuple[str, str]] = (),
    ) -> None:
        self.name = name
        self.content = content
        self.filename = filename
        self.fields = fields

    def head(self) -> bytes:
        """Return the head of the part, its empty line included (RFC 2046 §5.1)."""
        disposition = f'form-data; name="{_escaped(self.name)}"'
        if self.filename:
            disposition += f'; filename="{_escaped(self.filename)}"'
        lines = [("Content-Disposition", disposition), *self.fields]
        text = "".join(f"{name}: {value}\r\n" for name, value in lines)
        return f"{text}\r\n".encode(errors="replace")


def part_of(
    name: str, given: ContentSource | FilePart, headers: Iterable[tuple[str, str]]
) -> Part:
    """Return the entry for a file.

    Args:
        name: The name of the field.
        given: What `files` has for it.
        headers: The fields that `given.headers` stands for.

    Raises:
        HTTPInvalidRequestError: The file cannot be read.
    """
    part = given if isinstance(given, FilePart) else FilePart(given)
    content = content_of(part.content, f"files[{name!r}]")
    filename = part.filename
    if filename is None:
        filename = _name_of(part.content) or name
    kind = part.content_type or _guessed(filename)
    return Part(name, content, filename, (("Content-Type", kind), *headers))


def build_form(parts: Sequence[Part]) -> tuple[bytes | BodyStream, str]:
    """Return a form and its Content-Type: in one piece when it is small and at hand."""
    contents = [part.content for part in parts]
    at_hand = [content for content in contents if isinstance(content, bytes)]
    complete = len(at_hand) == len(contents)
    boundary = _BOUNDARY
    if not complete or any(_BOUNDARY.encode() in content for content in at_hand):
        # Nobody who writes what is in a file can know this one.
        boundary = f"{_BOUNDARY}-{os.urandom(16).hex()}"
    pieces = list(_pieces(parts, boundary))
    stream = _joined(pieces)
    kind = f"multipart/form-data; boundary={boundary}"
    if complete and (stream.length or 0) < _SMALL:
        return b"".join(cast("list[bytes]", pieces)), kind
    return stream, kind


def _pieces(parts: Sequence[Part], boundary: str) -> Iterator[bytes | BodyStream]:
    delimiter = f"--{boundary}"
    for part in parts:
        yield f"{delimiter}\r\n".encode() + part.head()
        yield part.content
        yield b"\r\n"
    yield f"{delimiter}--\r\n".encode()


def _joined(pieces: Sequence[bytes | BodyStream]) -> BodyStream:
    streams = [piece for piece in pieces if isinstance(piece, BodyStream)]
    lengths = [
        len(piece) if isinstance(piece, bytes) else piece.length for piece in pieces
    ]
    known = [length for length in lengths if length is not None]
    return BodyStream(
        lambda: _chunks(pieces),
        length=sum(known) if len(known) == len(lengths) else None,
        replayable=all(stream.replayable for stream in streams),
    )


async def _chunks(pieces: Sequence[bytes | BodyStream]) -> AsyncIterator[bytes]:
    for piece in pieces:
        if isinstance(piece, bytes):
            yield piece
            continue
        chunks = piece.open()
        try:
            async for chunk in chunks:
                yield chunk
        finally:
            await close_chunks(chunks)


def _escaped(name: str) -> str:
    return name.translate(_ESCAPES)


def _name_of(source: Any) -> str:
    """Return the last part of a path, or of the name that an open file has."""
    path: object = getattr(source, "name", "")
    if isinstance(source, os.PathLike):
        path = cast("os.PathLike[str]", source)
    if not isinstance(path, str | bytes | os.PathLike):  # the number of a descriptor
        return ""
    name = os.path.basename(os.fsdecode(cast("str", path)))  # noqa: PTH119 - of any kind
    return name.encode(errors="replace").decode()  # a name need not be text


def _guessed(filename: str) -> str:
    import mimetypes  # noqa: PLC0415 - reads files of the system at its first use

    return mimetypes.guess_type(filename)[0] or _OCTETS
