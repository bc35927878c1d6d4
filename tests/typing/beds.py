"""A test bed: what is overridden, resolved and made to fail keeps its type."""

from typing import Annotated, assert_type

from lexigram.contracts.di import Named
from lexigram.contracts.web import HTTPClientProtocol
from lexigram.testing import FakeHTTPClient, Route, TestBed


async def beds(bed: TestBed) -> None:
    overridden = bed.override(HTTPClientProtocol).to(FakeHTTPClient())
    assert_type(overridden, TestBed)
    partner = Annotated[HTTPClientProtocol, Named("partner")]
    assert_type(bed.override(partner).to(FakeHTTPClient()), TestBed)
    assert_type(await bed.get(HTTPClientProtocol), HTTPClientProtocol)
    async with bed.faults(HTTPClientProtocol, name="partner").hang() as route:
        assert_type(route, Route)
