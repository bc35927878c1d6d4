"""Prints the milliseconds of one boot and stop, the first of this process.

    tools/bench/core/boot.py

The application has the HTTP and the resilience module, a class that needs the client, a
configuration file and a variable; everything it imports was imported before.
"""

from __future__ import annotations

import asyncio
import gc
import os
import tempfile
import time
from pathlib import Path

from lexigram.application import Application
from lexigram.contracts.web import HTTPClientProtocol
from lexigram.di import Module, module
from lexigram.http import HTTPModule
from lexigram.resilience import ResilienceModule

CONFIGURATION = """\
http:
  max_redirects: 5
  pool:
    timeout: 7.0
    max_connections: 50
logging:
  level: WARNING
  format: json
"""


class Billing:
    """What the application is there for."""

    def __init__(self, http: HTTPClientProtocol) -> None:
        self.http = http


@module(
    imports=[HTTPModule.configure(), ResilienceModule.configure()], providers=[Billing]
)
class AppModule(Module):
    """All of it."""


async def milliseconds(file: Path) -> float:
    """Return how long it takes from a described application to a stopped one."""
    app = Application(AppModule, config_file=file)
    # What the imports left behind is not to be collected meanwhile.
    gc.collect()
    start = time.process_time()
    async with app:
        pass
    return (time.process_time() - start) * 1000


def main() -> None:
    """Measure once."""
    os.environ["LEX_HTTP__POOL__MAX_CONNECTIONS"] = "60"
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "application.yaml")
        file.write_text(CONFIGURATION)
        print(asyncio.run(milliseconds(file)))


if __name__ == "__main__":
    main()
