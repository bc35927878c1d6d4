"""The part of a file that has arrived, and what is known of it.

Beside the target lie, until it is complete, the part and its note: what was asked for,
the validator to ask for the rest with, and the size of the whole. A part without a note
is of no use, so that the order of the steps decides what a crash leaves behind: the note
goes first and comes last.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final

from lexigram.http.downloads.checksums import Checksum
from lexigram.http.downloads.ranges import Asked

__all__ = ["Note", "PartFile"]

# Not `.part`, which browsers use too: nobody else's file is to be taken for one of ours.
_SUFFIX: Final = ".lexigram-part"
_NOTE_SUFFIX: Final = ".lexigram-part.json"

# What is read at once where a part is read again, between two looks at a cancellation.
_READ: Final = 1024 * 1024
_READS: Final = 16

# What one call of the system takes, which saves putting them together; none where there
# is no such call.
_MOST_PIECES: Final = 1024 if hasattr(os, "writev") else -1

# A file system without hard links; what it calls that differs.
_NO_LINKS: Final = frozenset({errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EMLINK,
                              errno.ENOSYS, errno.EXDEV})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Note:
    """What makes a part resumable."""

    purpose: str
    """Stands for what was asked for: another request must not go on with the part."""
    validator: str
    """What If-Range is to hold."""
    total: int | None
    """The size of the whole, when it is known."""


class PartFile:
    """The part of one target. Its methods block, and are called one at a time.

    Args:
        target: What it becomes.
        purpose: As `Note.purpose`.
        checksum: Is fed with what is written.

    Attributes:
        path: Where it is.
        size: How many bytes are there.
        note: What makes it resumable; None when nothing does.
    """

    __slots__ = ("_changed", "_checksum", "_file", "_note_path", "_purpose", "note",
                 "path", "size", "target")  # fmt: skip

    target: Path
    path: Path
    size: int
    note: Note | None

    def __init__(self, target: Path, purpose: str, checksum: Checksum | None) -> None:
        self.target = target
        self.path = target.with_name(target.name + _SUFFIX)
        self._note_path = target.with_name(target.name + _NOTE_SUFFIX)
        self._purpose = purpose
        self._checksum = checksum
        self._file: BinaryIO | None = None
        self._changed = False
        self.size = 0
        self.note = None

    def open(self, *, resume: bool, overwrite: bool) -> None:
        """Open the part for this process alone, with what an earlier call has left.

        Raises:
            FileExistsError: The target is there, and is not to be overwritten.
            BlockingIOError: Another download writes to the part.
            OSError: It cannot be written there.
        """
        _check_target(self.target, overwrite=overwrite)
        self._file = _opened_alone(self.path)
        note = self._read_note() if resume else None
        if note is not None and note.purpose == self._purpose:
            self.note = note
            self.size = os.fstat(self._file.fileno()).st_size

    @property
    def asked(self) -> Asked | None:
        """What the next request is for; None when it is the whole."""
        if self.note is None or not self.size:
            return None
        return Asked(self.size, self.note.validator, self.note.total)

    def read_on(self, position: int, checksum: Checksum) -> int:
        """Feed a checksum with some of what is there; return the position after it."""
        file = self._opened()
        file.seek(position)
        for data in iter(lambda: file.read(_READ), b""):
            checksum.update(data)
            position += len(data)
            if position % (_READ * _READS) == 0:
                return position
        self.size = position  # whatever it was when it was opened
        return position

    def begin(self, validator: str | None, total: int | None) -> None:
        """Begin anew, with what there is to resume by, if anything."""
        self._note_path.unlink(missing_ok=True)
        self._opened().truncate(0)
        self.size, self.note, self._changed = 0, None, True
        if self._checksum is not None:
            self._checksum.restart()
        if validator is not None:
            self.note = Note(self._purpose, validator, total)
            self._note_path.write_text(json.dumps(asdict(self.note)))

    def write(self, pieces: Sequence[bytes]) -> None:
        """Append what has arrived.

        Raises:
            OSError: The disk is full, for one; what was written before counts.
        """
        try:
            self._append(pieces)
        except OSError as error:
            error.filename = str(self.path)
            raise
        if self._checksum is not None:
            for piece in pieces:
                self._checksum.update(piece)

    def _append(self, pieces: Sequence[bytes]) -> None:
        file, written = self._opened(), 0
        if len(pieces) <= _MOST_PIECES:  # else, and after less than all, in one piece
            written = os.writev(file.fileno(), pieces)
            self.size += written
            if written == sum(map(len, pieces)):
                return
        rest = memoryview(b"".join(pieces))[written:]
        while rest:
            written = file.write(rest)
            self.size += written
            rest = rest[written:]

    def complete(self, *, overwrite: bool) -> None:
        """Make the part the target, in one step, once it is on the disk.

        Raises:
            FileExistsError: The target came to be meanwhile.
            OSError: Of the disk.
        """
        os.fsync(self._opened().fileno())
        if sys.platform == "win32":  # pragma: no cover - where open files stay
            self.close()
        if overwrite:
            self.path.replace(self.target)
        else:
            _move(self.path, self.target)
        self._note_path.unlink(missing_ok=True)
        self.close()
        _sync_folder(self.target.parent)

    def leave(self, *, keep: bool) -> bool:
        """Let go of a part that is not complete; return whether it can be gone on with.

        Args:
            keep: Whether to leave what can be, or nothing.
        """
        file = self._file
        if file is None:  # the part of another download, or complete
            return False
        useful = self.note is not None or not self._changed
        kept = keep and useful and os.fstat(file.fileno()).st_size > 0
        if sys.platform == "win32":  # pragma: no cover - where open files stay
            self.close()
        if not kept:
            self._note_path.unlink(missing_ok=True)
            self.path.unlink(missing_ok=True)
        self.close()
        return kept and self.note is not None

    def close(self) -> None:
        """Let go of the part; idempotent."""
        file, self._file = self._file, None
        if file is not None:
            file.close()

    def _opened(self) -> BinaryIO:
        if self._file is None:
            raise ValueError(f"The part {str(self.path)!r} is not open.")
        return self._file

    def _read_note(self) -> Note | None:
        """Return the note; None when there is none, or it is damaged."""
        try:
            note: Any = json.loads(self._note_path.read_text())
            made = Note(**note)
        except (OSError, ValueError, TypeError):
            return None
        kinds = [str, str, type(None) if made.total is None else int]
        return (
            made if [type(value) for value in asdict(made).values()] == kinds else None
        )


def _check_target(target: Path, *, overwrite: bool) -> None:
    if target.is_dir():
        raise IsADirectoryError(
            errno.EISDIR, "A download needs the name of a file", str(target)
        )
    if not overwrite and os.path.lexists(target):
        raise FileExistsError(
            errno.EEXIST,
            "The target exists (`overwrite=True` replaces it)",
            str(target),
        )


def _opened_alone(path: Path) -> BinaryIO:
    """Open the part, locked, and appended to."""
    while True:
        file = open(path, "ab+", buffering=0, opener=_open_no_link)  # noqa: SIM115 - closed by its owner
        try:
            _lock(file, path)
            if _is_at(file, path):
                return file
        except BaseException:  # closed, whatever it was
            file.close()
            raise
        # Who had it has completed or removed it in between.
        file.close()


def _open_no_link(path: str, flags: int) -> int:
    # In a folder that others write to, a link could lead anywhere.
    return os.open(path, flags | getattr(os, "O_NOFOLLOW", 0), 0o666)


def _lock(file: BinaryIO, path: Path) -> None:
    if sys.platform == "win32":  # pragma: no cover - which has other locks
        return
    import fcntl  # noqa: PLC0415 - not everywhere

    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise BlockingIOError(
            error.errno, "Another download writes to the same file", str(path)
        ) from None
    except OSError:
        return  # some network file systems have no locks


def _is_at(file: BinaryIO, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False


def _move(part: Path, target: Path) -> None:
    """Rename without ever replacing, where the file system can do that."""
    try:
        os.link(part, target)
    except FileExistsError:
        raise
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        _check_target(target, overwrite=False)
        part.replace(target)
    else:
        part.unlink()


def _sync_folder(folder: Path) -> None:
    """Keep the new name over a loss of power, where a folder can be synchronised."""
    if sys.platform == "win32":  # pragma: no cover - which opens no folders
        return
    with contextlib.suppress(OSError):  # the file is complete; this is a courtesy
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
