"""What the programs around the examples define, beside what every program imports."""

# ruff: noqa: F401 - the examples use them.

import asyncio
import logging
import unittest
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, TypeVar

import pytest
from hypothesis import given

from lexigram.application import Application
from lexigram.contracts.resilience import Call
from lexigram.contracts.web import HTTPClientError, HTTPClientProtocol
from lexigram.di import Module, module
from lexigram.http import HTTPModule
from lexigram.metrics import MetricsSummary, MetricsSummaryModule
from lexigram.otel import OTelModule
from lexigram.resilience import RetryConfig, RetryPolicy
from lexigram.result import Result
from lexigram.testing import FakeHTTPClient
from lexigram.testing.strategies import fault_schedules

T = TypeVar("T")

# --- what is asked for ----------------------------------------------------------------


@dataclass(frozen=True)
class Invoice:
    id: str


@dataclass(frozen=True)
class Issue:
    title: str


@dataclass(frozen=True)
class Row:
    number: int


# --- an application -------------------------------------------------------------------


class BillingClient:
    def __init__(self, http: HTTPClientProtocol) -> None:
        self._http = http

    async def fetch_invoice(self, number: str) -> Result[Invoice, HTTPClientError]:
        result = await self._http.get(f"/v1/invoices/{number}")
        return result.map(lambda response: Invoice(**response.json))


class Shop:
    def __init__(self, http: HTTPClientProtocol) -> None:
        self._http = http

    async def stock(self) -> int:
        return int((await self._http.get("/v1/stock")).unwrap().json["items"])

    async def refresh(self) -> None:
        """Ask anew; without an answer the old one stays."""
        await self._http.get("/v1/stock")


class Invoices(BillingClient):
    pass


class Clock:
    pass


class FixedClock(Clock):
    pass


class Receipts:
    def __init__(self, clock: Clock) -> None:
        self.clock = clock


@module(
    imports=[HTTPModule.configure()],
    providers=[BillingClient, Clock, Receipts, Shop],
)
class AppModule(Module):
    pass


# --- what it does ---------------------------------------------------------------------

card: Final = "4242"
token: Final = "s3cret"
query: Final = "SELECT 1"


async def fetch_currency() -> str:
    raise ConnectionError("nobody knows")


async def fetch_invoice() -> Invoice:
    return Invoice("inv_1")


async def fetch_order() -> int:
    return 7


async def fetch_quote() -> float:
    return 4.2


async def fetch_rows() -> list[Row]:
    return [Row(1)]


async def charge(card: str) -> None:
    logging.getLogger("shop").info("charged %s", card)


async def call_that_retries() -> None:
    retry = RetryPolicy(RetryConfig(max_attempts=4, jitter="none", base_delay=0.5))
    async with FakeHTTPClient(retry_policy=retry) as fake:
        fake.on.get("/").respond(503)
        await fake.get("/")


def run_the_job() -> str:
    return "done"


class Connection:
    """To a database."""

    async def fetch(self, table: str) -> list[Row]:
        return await fetch_rows()

    async def fetch_one(self, query: str) -> Row:
        return (await fetch_rows())[0]


class Cache:
    """A policy of the program's own."""

    async def execute(
        self, operation: Callable[[], Awaitable[T]], call: Call[T] | None = None
    ) -> T:
        return await operation()


connection: Final = Connection()
my_cache: Final = Cache()
