"""A progress bar for terminals; needs the extra `cli`."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, Self

from lexigram.http.progress import Progress

if TYPE_CHECKING:  # the extra need not be installed
    from rich.console import Console
    from rich.progress import Progress as Bar


class ProgressBar:
    """A line in the terminal that shows how far a transfer is, for a `with` block.

    The bar is what `progress` takes: bytes, rate and remaining time are drawn each time
    that it is told. Where the output is no terminal, one line is written at the end.

    Args:
        label: What is transferred.
        console: Where to; left out, the standard error output, so that a pipe gets data
            only.

    Raises:
        ModuleNotFoundError: rich is not installed.

    Example:
        >>> async with HTTPClient() as client:
        ...     with ProgressBar("image.iso") as bar:
        ...         url = "https://api.example.com/image.iso"
        ...         done = await client.download(url, "image.iso", progress=bar)
    """

    def __init__(self, label: str = "", *, console: Console | None = None) -> None:
        self._bar = _bar(console)
        self._task = self._bar.add_task(label, total=None)

    def __call__(self, progress: Progress) -> None:
        """Draw how far it is."""
        self._bar.update(
            self._task, completed=progress.done, total=progress.total, refresh=True
        )

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._bar.stop()


def _bar(console: Console | None) -> Bar:
    try:
        from rich import console as consoles  # noqa: PLC0415 - of an extra
        from rich import progress as parts  # noqa: PLC0415
    except ImportError as error:
        raise ModuleNotFoundError(
            '`ProgressBar` needs `rich`. Install it: pip install "lexigram-http[cli]".'
        ) from error
    return parts.Progress(
        # A label may be of anything, brackets too.
        parts.TextColumn("{task.description}", markup=False),
        parts.BarColumn(),
        parts.DownloadColumn(binary_units=True),
        parts.TransferSpeedColumn(),
        parts.TimeRemainingColumn(),
        console=console or consoles.Console(stderr=True),
        # Drawn when there is something new: no thread that draws beside the loop.
        auto_refresh=False,
    )
