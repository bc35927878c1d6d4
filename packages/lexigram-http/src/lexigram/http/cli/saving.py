"""A body that becomes a file, with a progress bar where somebody sees it."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from lexigram.contracts.web import RequestOptions, check_url
from lexigram.http.cli.arguments import Asked
from lexigram.http.cli.exits import CommandError, ExitCode
from lexigram.http.cli.layout import visible
from lexigram.http.cli.output import is_watched
from lexigram.http.client import HTTPClient
from lexigram.http.downloads.download import Download, download
from lexigram.http.progress_bar import ProgressBar

__all__ = ["save", "writable"]

_NO_NAMES: Final = frozenset({"", ".", ".."})
_SEPARATORS: Final = frozenset("/\\\0")


async def save(client: HTTPClient, asked: Asked, options: RequestOptions) -> Download:
    """Fetch a file.

    Raises:
        CommandError: It has no name, or there is something of that name.
        HTTPClientError: It cannot be fetched.
        OSError: It cannot be written.
    """
    # Of a download this is the size of the file, not of each answer.
    limit = options.pop("max_response_bytes", None)
    check_url(asked.url)
    path = writable(_path_of(asked))
    with ExitStack() as stack:
        bar: ProgressBar | None = None
        if is_watched():
            bar = stack.enter_context(ProgressBar(visible(path.name)))
        try:
            return await download(
                client,
                asked.url,
                path,
                progress=bar,
                resume=asked.resume,
                checksum=asked.checksum,
                max_bytes=limit,
                overwrite=asked.overwrite,
                **options,
            )
        except FileExistsError:
            raise CommandError(
                f"The file {str(path)!r} is there. Replace it with --overwrite, or give "
                "another path.",
                ExitCode.FILE,
            ) from None


def writable(path: Path) -> Path:
    """Return a path whose folder is there, which is better known before the call.

    Raises:
        CommandError: It is not.
    """
    if not path.parent.is_dir():
        raise CommandError(f"There is no folder {str(path.parent)!r}.", ExitCode.FILE)
    return path


def _path_of(asked: Asked) -> Path:
    if asked.path is None:
        return Path(_name_of(asked.url))
    return asked.path / _name_of(asked.url) if asked.path.is_dir() else asked.path


def _name_of(url: str) -> str:
    """Return the last part of a URL, where that can be a name in this folder."""
    name = unquote(urlsplit(url).path.rpartition("/")[2])
    if name in _NO_NAMES or _SEPARATORS & set(name):
        raise CommandError("The URL does not end with the name of a file. Give a PATH.")
    return name
