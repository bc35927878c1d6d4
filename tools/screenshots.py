"""What a terminal shows, taken from running code.

    uv run python tools/screenshots.py             compare
    uv run python tools/screenshots.py --write     take them anew

Time is virtual, so that the same calls take as long on every machine. The pictures name
no font of somebody else's server: a page may be read without telling anybody.
"""

from __future__ import annotations

import asyncio
import io
import re
import sys
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Final

from generated import compare_or_write
from rich.console import Console
from rich.text import Text

from environments import ROOT
from lexigram.http import Progress, ProgressBar
from lexigram.metrics import MetricsSummary
from lexigram.testing import FakeHTTPClient, Reply, virtual_time

__all__ = ["FOLDER", "progress", "screenshots", "summary"]

FOLDER: Final = ROOT / "docs" / "screenshots"

_COLUMNS: Final = 80

_SIZE: Final = 1024 * 1024
_SECONDS: Final = 6

_FORMAT: Final = """\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img">
<style>
  .{unique_id}-matrix {{ font-family: ui-monospace, Menlo, Consolas, monospace;
    font-size: {char_height}px; line-height: {line_height}px }}
  .{unique_id}-title {{ font: bold 18px system-ui, sans-serif }}
  {styles}
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal">
<rect x="0" y="0" width="{terminal_width}" height="{terminal_height}"/>
</clipPath>
{lines}
</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})"
  clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""
"""What rich writes, without the fonts that it would fetch."""


def summary() -> str:
    """Show the summary of two kinds of calls, some of which fail."""
    console = _console(record=True)
    asyncio.run(_summarized(console))
    return _drawn(console, "MetricsSummary")


async def _summarized(console: Console) -> None:
    random = Random(7)  # noqa: S311 - the same calls each time
    async with virtual_time():
        metrics = MetricsSummary()
        async with FakeHTTPClient(
            base_url="https://partner.test", interceptors=[metrics]
        ) as client:
            client.on.get("/v1/invoices/{id}").sequence(
                *(
                    Reply(200, delay=random.lognormvariate(-3.5, 0.4))
                    for _ in range(190)
                ),
                *(Reply(404, delay=0.02) for _ in range(10)),
            )
            client.on.post("/v1/payments").sequence(
                *(Reply(201, delay=random.lognormvariate(-1.8, 0.6)) for _ in range(40))
            )
            for _ in range(200):
                await client.get("/v1/invoices/7", route="/v1/invoices/{id}")
            for _ in range(40):
                await client.post("/v1/payments", json={}, route="/v1/payments")
        metrics.print(console)


def progress() -> str:
    """Show a transfer at a third, at two thirds, and at its end."""
    screen = io.StringIO()
    _transferred(screen)
    # A frame begins where the line is erased.
    frames = [frame.strip() for frame in re.split(r"\r\x1b\[2K", screen.getvalue())]
    shown = [frame for frame in frames if "iso" in frame]
    console = _console(record=True)
    for part in (1, 2, 3):
        console.print(Text.from_ansi(shown[len(shown) * part // 3 - 1]))
    return _drawn(console, "ProgressBar")


def _transferred(screen: io.StringIO) -> None:
    """Tell a bar of a transfer piece by piece; of a real one they come by chance."""
    second = 0
    terminal = _console(file=screen, get_time=lambda: float(second))
    with ProgressBar("image.iso", console=terminal) as bar:
        for second in range(_SECONDS + 1):
            done = _SIZE * second // _SECONDS
            bar(Progress(done=done, total=_SIZE, seconds=float(second)))


def _console(
    *,
    record: bool = False,
    file: io.StringIO | None = None,
    get_time: Callable[[], float] | None = None,
) -> Console:
    return Console(
        file=file or io.StringIO(),
        record=record,
        force_terminal=True,
        # Not those of the machine: of whoever reads the page.
        color_system="truecolor",
        width=_COLUMNS,
        get_time=get_time,
        _environ={},
    )


def _drawn(console: Console, title: str) -> str:
    drawn = console.export_svg(title=title, code_format=_FORMAT, unique_id="shown")
    return "\n".join(line.rstrip() for line in drawn.splitlines()) + "\n"


def screenshots() -> dict[Path, str]:
    """Return each picture by its file."""
    return {
        FOLDER / f"{name}.svg": take()
        for name, take in {"summary": summary, "progress": progress}.items()
    }


if __name__ == "__main__":
    sys.exit(compare_or_write(screenshots, __doc__))
