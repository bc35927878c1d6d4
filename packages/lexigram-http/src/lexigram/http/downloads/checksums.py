"""The checksum of a file that arrives."""

from __future__ import annotations

import hashlib
import hmac
from typing import Protocol

from lexigram.contracts.suggestions import did_you_mean


class _Hash(Protocol):
    """What `hashlib.new` returns."""

    @property
    def digest_size(self) -> int: ...

    def update(self, data: bytes, /) -> None: ...

    def hexdigest(self) -> str: ...


class Checksum:
    """Takes in a file, and says whether it is the one that was meant.

    Args:
        said: "sha256:9f86d0…", or "sha256" alone, which is any file's.

    Raises:
        ValueError: It is neither.
    """

    __slots__ = ("_expected", "_hash", "name")

    name: str

    def __init__(self, said: str) -> None:
        self.name, colon, digits = said.partition(":")
        self._hash = _started(self.name)
        self._expected = digits.strip().lower()
        if colon and not _is_hex(self._expected, 2 * self._hash.digest_size):
            raise ValueError(
                f"checksum={said!r} does not hold the {2 * self._hash.digest_size} "
                f"hexadecimal digits of {self.name}. Give it as 'sha256:9f86d0…'."
            )

    def update(self, data: bytes) -> None:
        """Take in what comes next."""
        self._hash.update(data)

    def restart(self) -> None:
        """Forget what was taken in."""
        self._hash = _started(self.name)

    @property
    def value(self) -> str:
        """That of what was taken in, as "sha256:9f86d0…"."""
        return f"{self.name}:{self._hash.hexdigest()}"

    @property
    def expected(self) -> str:
        """That of the file that was meant; that of this one when any is."""
        if not self._expected:
            return self.value
        return f"{self.name}:{self._expected}"

    @property
    def fits(self) -> bool:
        """Whether what was taken in is what was meant."""
        return hmac.compare_digest(self.value, self.expected)


def _started(name: str) -> _Hash:
    known = hashlib.algorithms_guaranteed - {"shake_128", "shake_256"}  # of any length
    if name not in known:
        raise ValueError(
            f"checksum= names the algorithm {name!r}, which there is not. "
            f"{did_you_mean(name, known)}"
        )
    return hashlib.new(name, usedforsecurity=False)


def _is_hex(digits: str, length: int) -> bool:
    return len(digits) == length and all(
        digit in "0123456789abcdef" for digit in digits
    )
