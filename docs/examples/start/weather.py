"""Asks for a temperature. The whole program: run it."""

import asyncio

from lexigram.contracts.web import HTTPClientProtocol
from lexigram.http import HTTPClient
from lexigram.result import Err, Ok, Result
from lexigram.testing import FaultServer, Reply


class Weather:
    """Needs something that calls, and does not say what."""

    def __init__(self, http: HTTPClientProtocol, url: str) -> None:
        self._http = http
        self._url = url

    async def temperature(self, city: str) -> Result[float, str]:
        """Return degrees, or why there are none."""
        result = await self._http.get(f"{self._url}/now", params={"city": city})
        if result.is_err():
            return Err(f"no weather: {type(result.error).__name__}")
        return Ok(result.value.json["celsius"])


async def main() -> None:
    """Ask a server that fails once, and once more that is gone."""
    async with FaultServer.run() as server, HTTPClient() as client:
        server.on.get("/now").sequence(Reply(503), Reply(json={"celsius": 21.5}))
        weather = Weather(client, server.base_url)
        print(await weather.temperature("Lisbon"))

        await server.down()
        print(await weather.temperature("Lisbon"))


if __name__ == "__main__":
    asyncio.run(main())
