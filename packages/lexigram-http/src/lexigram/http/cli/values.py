"""The values of arguments, each with what is wrong with one that cannot be used."""

from __future__ import annotations

import argparse
import math

from lexigram.http.downloads.checksums import Checksum

__all__ = [
    "Pair",
    "checksum_of",
    "count_of",
    "file_of",
    "header_of",
    "is_text",
    "pair_of",
    "seconds_of",
    "text_of",
]

Pair = tuple[str, str]


def header_of(text: str) -> Pair:
    """Return a header field."""
    # Not quoted in the message: what is misspelt here is often a secret.
    name, colon, value = text_of(text).partition(":")
    if not colon or not name.strip():
        raise argparse.ArgumentTypeError("Write it as 'Name: value'.")
    return name.strip(), value.strip()


def text_of(text: str) -> str:
    """Return what is text, and no other bytes."""
    if not is_text(text):
        raise argparse.ArgumentTypeError(
            "It holds bytes that are no text in the encoding of this terminal."
        )
    return text


def is_text(text: str) -> bool:
    """Say whether there are no bytes in it, kept as Python keeps what is no text."""
    return not any("\ud800" <= one <= "\udfff" for one in text)


def pair_of(text: str) -> Pair:
    """Return a name and its value."""
    name, equals, value = text_of(text).partition("=")
    if not equals or not name:
        raise argparse.ArgumentTypeError("Write it as name=value.")
    return name, value


def file_of(text: str) -> Pair:
    """Return the name of a field and the path of its file."""
    # The path need not be text.
    name, _, path = text.partition("=")
    if not name or not path.startswith("@") or path == "@":
        raise argparse.ArgumentTypeError(
            "Write it as name=@path; a field that is no file goes with --form."
        )
    return text_of(name), path[1:]


def checksum_of(text: str) -> str:
    """Return a checksum that can be compared with."""
    try:
        Checksum(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return text


def seconds_of(text: str) -> float:
    """Return seconds; infinity for no limit, since None stands for the client's own."""
    try:
        seconds = math.inf if text == "none" else float(text)
    except ValueError:
        seconds = math.nan
    if not seconds > 0:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no positive number of seconds. Use 'none' for no limit."
        )
    return seconds


def count_of(text: str) -> int:
    """Return a number of bytes."""
    if not (text.isascii() and text.isdigit()):
        raise argparse.ArgumentTypeError(f"{text!r} is no number of bytes.")
    return int(text)
