"""Outcomes as the code that makes them, for a report to be pasted into a test."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from lexigram.testing._answers.outcomes import Outcome, Reply

__all__ = ["source_of"]


def source_of(outcome: Outcome) -> str:
    """Return the code of an outcome; of a reply, the shortest that makes an equal one."""
    if not isinstance(outcome, Reply):
        return repr(outcome)
    options = next(o for o in _ways_to_make(outcome) if _makes(o, outcome))
    shown = [str(outcome.status)]
    shown += [f"{name}={value!r}" for name, value in options.items()]
    return f"Reply({', '.join(shown)})"


def _ways_to_make(reply: Reply) -> Iterator[dict[str, Any]]:
    """Yield options for a reply, from few to all."""
    timing = {
        name: value for name in ("delay", "pause") if (value := getattr(reply, name))
    }
    extra = [
        (name, value)
        for name, value in reply.headers.pairs
        if name.lower() not in {"content-length", "content-type"}
    ]
    headers = {"headers": extra} if extra else {}
    for content in _contents(reply):
        yield {**content, **headers, **timing}
    yield {
        "headers": list(reply.headers.pairs),
        **({"chunks": reply.chunks} if reply.chunked else {"body": reply.body}),
        "chunked": reply.chunked,
        **timing,
    }


def _contents(reply: Reply) -> Iterator[dict[str, Any]]:
    yield {}
    try:
        text = reply.body.decode()
        yield {"text": text}
        yield {"json": json.loads(text)}
    except ValueError:  # it is neither
        pass
    yield {"body": reply.body}


def _makes(options: dict[str, Any], reply: Reply) -> bool:
    return Reply(reply.status, **options) == reply
