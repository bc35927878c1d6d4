"""The way of a request through the code, drawn from the stack of one.

A call goes through an interceptor, a redirect and the standard pipeline to a server of
this process. When it hands the request to the socket, whoever waits for it is on the
stack: first the application, then each layer that the next one was called by.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from importlib import import_module
from itertools import groupby
from types import FrameType
from typing import Any, Final

from drawing import Drawing

from environments import DISTRIBUTIONS, ROOT
from lexigram.http import HTTPClient
from lexigram.metrics import MetricsSummary
from lexigram.resilience import ResiliencePipeline
from lexigram.testing import FaultServer

__all__ = ["layers", "request_path"]

_SENDS: Final = frozenset({"send", "sendmsg"})
"""What asyncio calls on a socket."""

_KINDS: Final = {
    "lexigram-http": "box",
    "lexigram-contracts": "strong",
    "lexigram-resilience": "by-resilience",
    "lexigram": "by-core",
}

_WIDTH: Final = 760
_GAP: Final = 16


def layers() -> list[tuple[str, list[str]]]:
    """Return the modules that a request goes through, and their functions, in order."""
    frames = asyncio.run(_recorded())
    return [
        (module, list(dict.fromkeys(name for _, name in group)))
        for module, group in groupby(frames, key=lambda frame: frame[0])
    ]


async def _recorded() -> list[tuple[str, str]]:
    """Make a call and return the frames under the last request that it sends."""
    sent: list[list[tuple[str, str]]] = []

    def watch(frame: FrameType, event: str, what: Any) -> None:
        if event == "c_call" and what.__name__ in _SENDS:
            found = list(_frames(frame))[::-1]
            # The server sends from a task of its own, which no client waits in.
            if found and found[0][0] == "lexigram.http.client":
                sent.append(found)

    summary = MetricsSummary()
    async with (
        FaultServer.run() as server,
        HTTPClient(
            metrics=summary,
            interceptors=[summary],
            resilience=ResiliencePipeline.from_config(),
        ) as client,
    ):
        server.on.get("/old").respond(307, headers={"Location": "/new"})
        server.on.get("/new").respond(204)
        before = sys.getprofile()
        sys.setprofile(watch)
        try:
            result = await client.get(f"{server.base_url}/old")
        finally:
            sys.setprofile(before)
    result.unwrap()
    return sent[-1]


def _frames(frame: FrameType | None) -> Iterator[tuple[str, str]]:
    while frame is not None:
        module = frame.f_globals.get("__name__", "")
        if module.startswith("lexigram."):
            yield module, frame.f_code.co_qualname.rpartition("<locals>.")[2]
        frame = frame.f_back


def request_path() -> str:
    """Draw the modules that a request goes through, the caller's first."""
    found = layers()
    described: set[str] = set()
    rows = []
    for module, names in found:
        # What a module is for is said where it is met first.
        about = "" if module in described else _about(module)
        described.add(module)
        rows.append((module, about, names))
    height = sum(_height(about) + _GAP for _, about, _ in rows) + 140
    drawing = Drawing(_WIDTH, height, "What a request goes through")
    drawing.text((_WIDTH // 2, 26), "await client.get(url)")
    y = 36
    for module, about, names in rows:
        drawing.arrow(f"M{_WIDTH // 2} {y} L{_WIDTH // 2} {y + _GAP - 1}")
        y += _GAP
        drawing.box((20, y), (_WIDTH - 40, _height(about)), _KINDS[_home(module)])
        drawing.text((34, y + 20), module, "bold")
        if about:
            drawing.text((34, y + 38), about, "small left")
        drawing.text((34, y + _height(about) - 10), " → ".join(names), "code")
        y += _height(about)
    drawing.arrow(f"M{_WIDTH // 2} {y} L{_WIDTH // 2} {y + _GAP - 1}")
    drawing.text((_WIDTH // 2, y + _GAP + 18), "the socket")
    _legend(drawing, y + _GAP + 36)
    return str(drawing)


def _height(about: str) -> int:
    return 66 if about else 46


def _legend(drawing: Drawing, y: int) -> None:
    for column, (name, kind) in enumerate(_KINDS.items()):
        x = 20 + 184 * column
        drawing.box((x, y), (168, 28), kind)
        drawing.text((x + 84, y + 19), name, "small")


def _about(module: str) -> str:
    doc = import_module(module).__doc__ or ""
    return doc.strip().splitlines()[0].replace("`", "")


def _home(module: str) -> str:
    """Return the distribution that a module is of."""
    part = module.split(".")[1]
    for name in DISTRIBUTIONS:
        if (ROOT / "packages" / name / "src" / "lexigram" / part).is_dir():
            return name
    raise LookupError(f"{module!r} is in no distribution.")
