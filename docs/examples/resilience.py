"""An upstream that fails twice, the standard pipeline, and what it makes of that.

    uv run python docs/examples/resilience.py

The upstream is a server on this machine that answers 503, resets the connection, and then
answers. The pipeline knows no HTTP: the operation is any async function, here the standard
library's client, and the judge says what its results mean. The program runs in virtual
time, so that no back-off is waited for, and draws with a fixed seed, so that its output is
always the same.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from random import Random

from lexigram.contracts.resilience import Call, Judgement
from lexigram.resilience import ResiliencePipeline
from lexigram.resilience.events import (
    AttemptFinished,
    CallFinished,
    Event,
    Events,
    RetryScheduled,
)
from lexigram.testing import FaultServer, Reply, fault, virtual_time


@dataclass(frozen=True)
class Answer:
    """The status and the body of a response."""

    status: int
    body: str


async def fetch_invoice(port: int) -> Answer:
    """Ask for an invoice by one HTTP request."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(
            b"GET /v1/invoices/7 HTTP/1.1\r\nHost: billing.test\r\n"
            b"Connection: close\r\n\r\n"
        )
        head, _, body = (await reader.read()).decode().partition("\r\n\r\n")
    finally:
        writer.close()
    return Answer(int(head.split()[1]), body)


def judge(answer: Answer | None, error: BaseException | None) -> Judgement:
    """Say what an attempt means."""
    if isinstance(error, OSError):
        return Judgement("failure", retryable=True, reason="connection")
    if answer is None:
        return Judgement("neutral")  # a bug of ours says nothing of the upstream
    if answer.status >= 500:  # noqa: PLR2004 - as HTTP has it
        return Judgement("failure", retryable=True, reason=str(answer.status))
    return Judgement("success")


def narrate(event: Event) -> None:
    """Print what the pipeline tells."""
    match event:
        case AttemptFinished():
            reason = f" ({event.reason})" if event.reason else ""
            print(f"attempt {event.number}: {event.outcome}{reason}")
        case RetryScheduled():
            print(f"  {event.reason}, again in {event.delay:.3f} s")
        case CallFinished():
            print(f"{event.operation}: {event.result}, attempts: {event.attempts}")
        case _:
            print(event)


async def main() -> None:
    """Make one call."""
    random = Random(7)  # noqa: S311 - draws waits, hides nothing
    pipeline = ResiliencePipeline.from_config(
        name="billing", random=random, events=Events([narrate])
    )
    print(pipeline.describe(), end="\n\n")
    call: Call[Answer] = Call(
        key="billing.test", operation="fetch invoice", judge=judge
    )

    async with virtual_time(), FaultServer.run() as server:
        server.on.get("/v1/invoices/7").sequence(
            Reply(503), fault.reset(), Reply(200, text="invoice 7")
        )
        answer = await pipeline.execute(lambda: fetch_invoice(server.port), call)

    print(f"The caller got {answer.body!r}, and never saw the failures.")


if __name__ == "__main__":
    asyncio.run(main())
