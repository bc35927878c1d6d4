"""An outage of the fake: one outcome for every request, for a block."""

import pytest

from lexigram.contracts.web import HTTPConnectionError
from lexigram.testing import FakeHTTPClient, Reply, fault


async def test_every_request_gets_the_outcome_whatever_the_routes() -> None:
    async with FakeHTTPClient() as fake:
        route = fake.on.get("/a").respond(200)
        with fake.outage(Reply(503)) as outage:
            for method, url in (("GET", "/a"), ("PUT", "https://b.test/x?y=%0A")):
                assert (await fake.request(method, url)).status == 503
        assert len(outage.calls) == 2
        route.assert_not_called()
        assert (await fake.request("GET", "/a")).status == 200


async def test_an_outage_need_not_be_noticed() -> None:
    async with FakeHTTPClient() as fake:
        with fake.outage(fault.hang()):
            pass


async def test_an_outage_ends_when_its_block_fails() -> None:
    async with FakeHTTPClient() as fake:
        fake.on.get("/a")
        with pytest.raises(HTTPConnectionError), fake.outage(fault.refused()):
            await fake.request("GET", "/a")
        assert (await fake.request("GET", "/a")).status == 200


async def test_one_outage_within_another_is_refused_and_changes_nothing() -> None:
    async with FakeHTTPClient() as fake:
        with fake.outage(Reply(503)):
            with (
                pytest.raises(RuntimeError, match="`fake` has an outage already: .*"),
                fake.outage(Reply(500)),
            ):
                pass
            assert (await fake.request("GET", "/a")).status == 503


async def test_an_outage_that_needs_a_wire_is_refused() -> None:
    fake = FakeHTTPClient()
    with (
        pytest.raises(ValueError, match="happens on a wire"),
        fake.outage(fault.close()),
    ):
        pass
    with fake.outage(Reply(503)):
        assert (await fake.request("GET", "/a")).status == 503
