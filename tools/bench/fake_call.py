"""What a call of the fake client costs, beside the least that any fake can cost.

    uv run python tools/bench/fake_call.py

Contestants alternate, and the best run of each counts: whatever else the machine does
can only add to a run. The journal is emptied between runs, as between tests.
"""

from __future__ import annotations

import asyncio
import platform
import time
from typing import Final, Unpack

from lexigram.contracts.web import (
    HTTPClientError,
    HTTPClientProtocol,
    HttpResponse,
    RequestOptions,
)
from lexigram.result import Ok, Result
from lexigram.testing import FakeHTTPClient

ROUNDS: Final = 40
CALLS: Final = 500


class ByHand(HTTPClientProtocol):
    """The fake that everybody writes first: one answer, nothing checked or recorded."""

    async def get(
        self,
        url: str,
        **options: Unpack[RequestOptions],  # noqa: ARG002 - nothing is checked
    ) -> Result[HttpResponse, HTTPClientError]:
        """Answer."""
        return Ok(HttpResponse(200, url, "GET", json={"id": 1}))


def with_routes(count: int) -> FakeHTTPClient:
    """Return a fake with this many routes."""
    fake = FakeHTTPClient(strict="lenient")
    for number in range(count):
        fake.on.get(f"/v1/things{number}/{{id}}").respond(json={"id": 1})
    return fake


async def microseconds(client: HTTPClientProtocol, url: str) -> float:
    """Return the time of one call within a run of them."""
    start = time.perf_counter()
    for _ in range(CALLS):
        await client.get(url)
    taken = time.perf_counter() - start
    if isinstance(client, FakeHTTPClient):
        client.reset(routes=False)
    return taken / CALLS * 1e6


async def main() -> None:
    """Measure, and print a table."""
    one, hundred = with_routes(1), with_routes(100)
    contestants: dict[str, tuple[HTTPClientProtocol, str]] = {
        "by hand, one answer": (ByHand(), "/v1/things0/7"),
        "1 route": (one, "/v1/things0/7"),
        "100 routes, the newest": (hundred, "/v1/things99/7"),
        "100 routes, the oldest": (hundred, "/v1/things0/7"),
    }
    times: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in range(ROUNDS):
        for name, (client, url) in contestants.items():
            times[name].append(await microseconds(client, url))
    print(f"Python {platform.python_version()}, best of {ROUNDS} runs of {CALLS} calls")
    print("| fake client | µs per call |\n|---|---|")
    for name, runs in times.items():
        print(f"| {name} | {min(runs):.1f} |")


if __name__ == "__main__":
    asyncio.run(main())
