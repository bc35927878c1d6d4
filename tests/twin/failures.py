"""What goes wrong below HTTP: every fault that needs no wire."""

from typing import Any

from lexigram.contracts.web import HTTPClientProtocol
from lexigram.testing import Fault, fault
from lexigram.testing.conformance import Backend, Scenario, refuse


def failing(how: Fault, *, method: str = "GET", **options: Any) -> Scenario:
    """One call that meets a fault, by its verb and by `request`."""

    async def run(client: HTTPClientProtocol, backend: Backend) -> None:
        url = f"{backend.base_url}/x"
        if how.kind == "refused":
            await refuse(backend, "/x")
        else:
            backend.on(method, "/x").fail(how)
        await getattr(client, method.lower())(url, **options)
        await client.request(method, url, **options)

    return Scenario(
        name=f"{method} meets {how!r}", run=run, differs=DIFFERS.get(how.kind, {})
    )


# A server that is down sees nothing; the fake writes down what was asked of it.
UNSEEN = "a server that is down sees no request"
DIFFERS = {"refused": {"requests": UNSEEN, "requests.*": UNSEEN}}

SCENARIOS = [
    failing(how, method=method, timeout=2.5, data=b"x")
    for how in fault.portable()
    for method in ("GET", "POST")
]
