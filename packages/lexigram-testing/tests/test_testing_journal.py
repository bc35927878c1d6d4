"""What can be asked about calls that were made."""

import asyncio
import json
import re

import pytest

from lexigram.contracts.web import HTTPConnectionError
from lexigram.testing import FakeHTTPClient, FaultServer, Reply, fault


async def test_calls_are_found_by_method_and_by_url() -> None:
    async with FakeHTTPClient(base_url="https://api.test/v2") as fake:
        fake.on("*", re.compile(".*"))
        for url in ("/users/1", "/users/2?page=1", "https://other.test/users/3"):
            await fake.get(url)
        await fake.post("/users/1")
        calls = fake.calls
        assert _numbers(calls.to("get")) == [1, 2, 3]
        assert _numbers(calls.to(None, "/users/{id}")) == [1, 2, 3, 4]
        assert _numbers(calls.to("*", "https://api.test/v2/users/{id}")) == [1, 2, 4]
        assert _numbers(calls.to(url=re.compile(r".*/users/[23]"))) == [2, 3]
        assert _numbers(calls.to("GET", "/users/{id}?page=1")) == [2]
        assert _numbers(calls.to("POST").to(url="/users/2")) == []
        with pytest.raises(ValueError, match="neither absolute nor a path"):
            calls.to("GET", "users")


def _numbers(calls: object) -> list[int]:
    return [call.index for call in calls]  # type: ignore[attr-defined]


async def test_a_sequence_of_calls_is_asserted_with_templates_and_patterns() -> None:
    async with FakeHTTPClient() as fake:
        fake.on("*", "/{any}/{id}")
        await fake.get("/users/7")
        await fake.delete("/users/7?force=1")
        log = fake.calls
        steps: list[tuple[str, str | re.Pattern[str]]] = [
            ("get", "/users/{id}"),
            ("DELETE", re.compile(r".*/7")),
        ]
        assert log.assert_sequence(*steps) is log
        log.to("GET").assert_sequence(("*", "https://fake.test/users/7"))
        log.to("PUT").assert_sequence()
        with pytest.raises(AssertionError, match="expected no more calls, got #2"):
            log.assert_sequence(steps[0])
        with pytest.raises(AssertionError, match="got 2"):
            log.assert_sequence(*reversed(steps))


async def test_a_conversation_is_plain_data_for_a_snapshot() -> None:
    async with FakeHTTPClient() as fake:
        fake.on.post("/users").respond(201, json={"id": 1, "token": "s3cret"})
        fake.on.get("/users").fail(HTTPConnectionError("No.", failure="dns"))
        await fake.post(
            "https://u:s3cret@fake.test/users?page=1&api_key=s3cret",
            json={"name": "Ada", "password": "s3cret"},
            headers=[("X-A", "1"), ("X-A", "2"), ("Cookie", "s3cret")],
        )
        await fake.get("/users")
        snapshot = fake.calls.to_dict()
    assert json.loads(json.dumps(snapshot)) == snapshot
    assert snapshot == {
        "calls": [
            {
                "index": 1,
                "request": {
                    "method": "POST",
                    "url": "https://fake.test/users",
                    "params": {"page": "1", "api_key": "***"},
                    "headers": [
                        ["X-A", "1"],
                        ["X-A", "2"],
                        ["Cookie", "***"],
                        ["Content-Type", "application/json"],
                    ],
                    "body": {"name": "Ada", "password": "***"},
                },
                "outcome": {
                    "status": 201,
                    "headers": [
                        ["Content-Type", "application/json"],
                        ["Content-Length", "25"],
                    ],
                    "body": {"id": 1, "token": "***"},
                },
            },
            {
                "index": 2,
                "request": {
                    "method": "GET",
                    "url": "https://fake.test/users",
                    "params": {},
                    "headers": [],
                    "body": None,
                },
                "outcome": {"error": "HTTPConnectionError"},
            },
        ]
    }


async def test_other_bodies_in_a_snapshot() -> None:
    async with FakeHTTPClient() as fake:
        fake.on.post("/x").sequence(
            Reply(text="password=s3cret"), Reply(body=b"\xff"), Reply()
        )
        await fake.post("/x", data={"a": "1", "password": "s3cret"})
        await fake.post("/x", data="token: s3cret")
        await fake.post("/x", data=b"\xff\xfe")
        records = [call.to_dict() for call in fake.calls]
    assert [record["request"]["body"] for record in records] == [
        {"a": "1", "password": "***"},
        "token: ***",
        "b'\\xff\\xfe'",
    ]
    assert [record["outcome"]["body"] for record in records] == [
        "password=***",
        "b'\\xff'",
        None,
    ]


async def test_a_snapshot_of_a_server_names_no_port() -> None:
    async with FaultServer.run() as server, FakeHTTPClient() as fake:
        request = (
            f"GET /x?a=1 HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n"
            "X-A: 1\r\nConnection: close\r\n\r\n"
        )
        server.on.get("/x").sequence(Reply(204), fault.close())
        for _ in range(2):
            await _exchange(server.port, request.encode())
        first, second = server.calls.to_dict()["calls"]
        assert str(server.port) not in json.dumps([first, second])
        assert first["request"]["url"] == "/x"
        assert first["request"]["headers"] == [["X-A", "1"], ["Connection", "close"]]
        assert second["outcome"] == {"error": "fault.close()"}
        assert len(fake.calls) == 0


async def _exchange(port: int, request: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(request)
        return await reader.read()
    finally:
        writer.close()
        await writer.wait_closed()


async def test_a_pending_call_has_no_outcome_yet() -> None:
    fake = FakeHTTPClient(timeout=None, strict="lenient")
    fake.on.get("/x").fail(fault.hang())
    task = asyncio.create_task(fake.get("/x"))
    call = (await fake.calls.wait_for()).one()
    assert call.to_dict()["outcome"] is None
    task.cancel()
    await asyncio.wait({task})
    assert call.to_dict()["outcome"] == {"error": "CancelledError"}


async def test_a_journal_that_is_cleared_counts_from_one_again() -> None:
    fake = FakeHTTPClient(strict="lenient")
    fake.on.get("/x")
    log = fake.calls
    await fake.get("/x")
    fake.reset(routes=False)
    assert (len(log), log.render()) == (0, "")
    await fake.get("/x")
    assert log.one().index == 1
