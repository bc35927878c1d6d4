"""Reading multipart/form-data (RFC 7578), as a server does."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from lexigram.contracts.web import Headers

__all__ = ["MULTIPART", "ReceivedFile", "parts_of"]

MULTIPART: Final = "multipart/form-data"

_PARAMETER: Final = re.compile(r';\s*([\w*-]+)\s*=\s*(?:"([^"]*)"|([^\s;"]*))')

# What senders write for what would end the line or the name (WHATWG HTML).
_ESCAPED: Final = {"%22": '"', "%0D": "\r", "%0A": "\n"}


@dataclass(frozen=True, slots=True)
class ReceivedFile:
    """A part of a form that has a file name."""

    name: str
    """The name of its field."""
    filename: str
    """What the sender calls the file."""
    content_type: str
    """The Content-Type of the part; empty when it has none."""
    body: bytes = field(repr=False)
    """What the file holds."""
    headers: Headers = field(default_factory=Headers)
    """All fields of the part's head."""


def parts_of(
    content_type: str, body: bytes
) -> tuple[tuple[tuple[str, str], ...], tuple[ReceivedFile, ...]]:
    """Return the fields and the files of a form, each in order.

    Raises:
        ValueError: It is not well-formed; says how.
    """
    boundary = _parameters(content_type).get("boundary", "")
    if not boundary:
        raise ValueError(f"The Content-Type {content_type!r} has no boundary.")
    fields: list[tuple[str, str]] = []
    files: list[ReceivedFile] = []
    for head, content in _split(boundary.encode(), body):
        headers = _headers(head)
        said = _parameters(headers.get("content-disposition", ""))
        if "name" not in said:
            raise ValueError("A part of the form has no name.")
        if "filename" in said:
            kind = headers.get("content-type", "")
            files.append(
                ReceivedFile(said["name"], said["filename"], kind, content, headers)
            )
        else:
            fields.append((said["name"], content.decode("utf-8", "replace")))
    return tuple(fields), tuple(files)


def _split(boundary: bytes, body: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield head and content of each part (RFC 2046 §5.1.1)."""
    delimiter = b"\r\n--" + boundary
    _, *parts = (b"\r\n" + body).split(delimiter)
    for part in parts:
        if part.startswith(b"--"):
            return
        head, empty, content = part.partition(b"\r\n\r\n")
        if not empty or not head.startswith(b"\r\n"):
            raise ValueError("A part of the form has no head.")
        yield head[2:], content
    raise ValueError("The form does not end with its boundary.")


def _headers(head: bytes) -> Headers:
    lines = head.decode("utf-8", "replace").split("\r\n")
    pairs = (line.partition(":") for line in lines)
    return Headers([(name, value.strip()) for name, _, value in pairs])


def _parameters(value: str) -> dict[str, str]:
    return {
        name.lower(): _unescaped(quoted or plain)
        for name, quoted, plain in _PARAMETER.findall(value)
    }


def _unescaped(text: str) -> str:
    return re.sub("%(?:22|0D|0A)", lambda found: _ESCAPED[found[0]], text)
