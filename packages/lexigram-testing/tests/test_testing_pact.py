"""Pacts from recordings and from the calls of a fake."""

import asyncio
import base64
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from lexigram.contracts.web import HttpResponse, HTTPTimeoutError
from lexigram.testing import (
    Cassette,
    FakeHTTPClient,
    FaultServer,
    RecordedRequest,
    RecordingHTTPClient,
    Reply,
    SecretRedactor,
)
from lexigram.testing._cassettes.pact import pact_of, to_pact

API = "https://api.test"
NAMES = {"consumer": "shop", "provider": "invoices"}


def check_pact(pact: Any) -> list[Any]:
    """Check the members that version 4 requires and allows; return the interactions."""
    assert json.loads(json.dumps(pact)) == pact
    _check_members(pact, {"consumer", "interactions", "provider"}, {"metadata"})
    for side in ("consumer", "provider"):
        _check_members(pact[side], {"name"})
        assert isinstance(pact[side]["name"], str)
    assert pact["metadata"] == {"pactSpecification": {"version": "4.0"}}
    interactions: list[Any] = pact["interactions"]
    for interaction in interactions:
        _check_members(interaction, {"type", "description", "request", "response"})
        assert interaction["type"] == "Synchronous/HTTP"
        _check_request(interaction["request"])
        _check_response(interaction["response"])
    descriptions = [interaction["description"] for interaction in interactions]
    assert len(set(descriptions)) == len(descriptions)
    return interactions


def _check_members(
    value: Any, required: set[str], optional: set[str] = frozenset()
) -> None:
    assert isinstance(value, dict)
    assert required <= value.keys() <= required | optional


def _check_request(request: Any) -> None:
    _check_members(request, {"method", "path"}, {"body", "headers", "query"})
    assert request["method"].isupper()
    assert request["path"].startswith("/")
    _check_texts(request.get("query", {}))
    _check_message(request)


def _check_response(response: Any) -> None:
    _check_members(response, {"status"}, {"body", "headers", "matchingRules"})
    assert type(response["status"]) is int
    assert 100 <= response["status"] <= 599
    _check_message(response)
    if "matchingRules" in response:
        rule = {"combine": "AND", "matchers": [{"match": "type"}]}
        assert response["matchingRules"] == {"body": {"$": rule}}
        assert "json" in response["body"]["contentType"]


def _check_message(message: Any) -> None:
    _check_texts(message.get("headers", {}))
    if "body" not in message:
        return
    body = message["body"]
    _check_members(body, {"content", "contentType", "contentTypeHint", "encoded"})
    assert isinstance(body["contentType"], str)
    if body["encoded"] is False:
        assert body["contentTypeHint"] == "TEXT"
    else:
        assert (body["encoded"], body["contentTypeHint"]) == ("base64", "BINARY")
        base64.b64decode(body["content"], validate=True)


def _check_texts(values: Mapping[str, Any]) -> None:
    for texts in values.values():
        assert isinstance(texts, list)
        assert all(isinstance(text, str) for text in texts)


async def test_the_calls_of_a_fake_become_a_pact() -> None:
    async with FakeHTTPClient(base_url=API) as fake:
        fake.on.post("/v1/invoices").respond(201, json={"id": "inv_1"})
        await fake.post(
            "/v1/invoices?tag=a&tag=b&dry=1",
            json={"total": 3},
            headers={"Authorization": "Bearer s3cret-s3cret", "X-Tenant": "acme"},
        )
        pact = to_pact(fake.calls, **NAMES)
    check_pact(pact)
    assert pact == {
        "consumer": {"name": "shop"},
        "interactions": [
            {
                "description": "POST /v1/invoices answers 201",
                "request": {
                    "body": {
                        "content": {"total": 3},
                        "contentType": "application/json",
                        "contentTypeHint": "TEXT",
                        "encoded": False,
                    },
                    "headers": {
                        "Content-Type": ["application/json"],
                        "X-Tenant": ["acme"],
                    },
                    "method": "POST",
                    "path": "/v1/invoices",
                    "query": {"tag": ["a", "b"], "dry": ["1"]},
                },
                "response": {
                    "body": {
                        "content": {"id": "inv_1"},
                        "contentType": "application/json",
                        "contentTypeHint": "TEXT",
                        "encoded": False,
                    },
                    "headers": {"Content-Type": ["application/json"]},
                    "matchingRules": {
                        "body": {
                            "$": {"combine": "AND", "matchers": [{"match": "type"}]}
                        }
                    },
                    "status": 201,
                },
                "type": "Synchronous/HTTP",
            }
        ],
        "metadata": {"pactSpecification": {"version": "4.0"}},
        "provider": {"name": "invoices"},
    }


async def test_text_and_bytes_are_told_apart() -> None:
    async with FakeHTTPClient(base_url=API) as fake:
        fake.on.get("/text").respond(text="é")
        fake.on.get("/bytes").respond(body=b"\x00\xff")
        fake.on.get("/none").respond(204)
        fake.on.get("/labelled").respond(
            headers={"Content-Type": "text/csv"}, body=b"12"
        )
        for path in ("text", "bytes", "none", "labelled"):
            await fake.get(f"/{path}")
        pact = to_pact(fake.calls, **NAMES)
    text, raw, none, labelled = (i["response"] for i in check_pact(pact)[:4])
    assert text["body"]["content"] == "é"
    assert text["body"]["contentType"] == "text/plain; charset=utf-8"
    assert raw["body"]["content"] == "AP8="
    assert raw["body"]["contentType"] == "application/octet-stream"
    assert "body" not in none
    assert labelled["body"]["content"] == "12"


async def test_failures_and_repetitions_are_left_out() -> None:
    async with FakeHTTPClient(base_url=API) as fake:
        fake.on.get("/x").sequence(
            Reply(200, json=1),
            HTTPTimeoutError("Late.", phase="read", limit=1),
            Reply(200, json=1),
            Reply(200, json=2),
            Reply(503),
        )
        for _ in range(5):
            await fake.get("/x")
        pact = to_pact(fake.calls, **NAMES)
    assert [i["description"] for i in check_pact(pact)] == [
        "GET /x answers 200",
        "GET /x answers 200 (2)",
        "GET /x answers 503",
    ]


async def test_a_selection_of_the_calls_makes_the_pact_of_one_provider() -> None:
    async with FakeHTTPClient(base_url=API) as fake:
        fake.on.get("/x").respond(200)
        fake.on.get("https://other.test/x").respond(204)
        await fake.get("/x")
        await fake.get("https://other.test/x")
        pact = to_pact(fake.calls.to(url="https://other.test/x"), **NAMES)
    (only,) = check_pact(pact)
    assert only["response"]["status"] == 204


async def test_secrets_and_what_differs_each_time_are_left_out() -> None:
    async with FakeHTTPClient(base_url=API) as fake:
        fake.on.get("/x").respond(
            headers={"Set-Cookie": "s3cret-s3cret", "Date": "today", "X-A": "1"},
            json={"token": "s3cret"},
        )
        await fake.get("/x?api_key=s3cret", headers={"X-Own": "s3cret"})
        redact = SecretRedactor(names=["X-Own"])
        pact = to_pact(fake.calls, **NAMES, redact=redact)
    (only,) = check_pact(pact)
    assert "s3cret" not in json.dumps(pact)
    assert only["response"]["headers"] == {
        "X-A": ["1"],
        "Content-Type": ["application/json"],
    }


async def test_the_calls_of_a_server_become_a_pact() -> None:
    async with FaultServer.run() as server:
        server.on("*", "/x").respond(json=[1])
        await server_get(server, "GET")
        await server_get(server, "HEAD")
        pact = to_pact(server.calls, **NAMES)
    got, head = check_pact(pact)
    assert got["response"]["body"]["content"] == [1]
    assert "body" not in head["response"]


async def server_get(server: FaultServer, method: str) -> None:
    """Ask without an HTTP library."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(
        f"{method} /x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode()
    )
    await asyncio.wait_for(reader.read(), 5)
    writer.close()
    await writer.wait_closed()


async def test_a_cassette_becomes_a_pact(tmp_path: Path) -> None:
    fake = FakeHTTPClient(base_url=API)
    fake.on.get("/x").respond(json={"a": 1})
    path = tmp_path / "x.json"
    recording = Cassette.open(path, mode="record_all")
    async with RecordingHTTPClient(fake, recording) as client:
        await client.get(f"{API}/x")
    pact = Cassette.open(path).to_pact(**NAMES)
    (only,) = check_pact(pact)
    assert only["response"]["body"]["content"] == {"a": 1}
    assert pact == recording.to_pact(**NAMES)


def test_no_calls_make_a_pact_without_interactions() -> None:
    assert check_pact(to_pact([], **NAMES)) == []


@given(
    bodies=st.lists(
        st.tuples(
            st.binary(max_size=20)
            | st.sampled_from([b"{}", b"null", b"[1]", b"\xff\xfe1\0"]),
            st.none() | st.sampled_from(["text/plain", "a/b+json", "application/json"]),
        ),
        max_size=4,
    )
)
def test_any_bodies_make_a_valid_pact(bodies: list[tuple[bytes, str | None]]) -> None:
    exchanges: list[Any] = []
    for body, label in bodies:
        headers = {"Content-Type": label} if label else {}
        request = RecordedRequest("POST", f"{API}/x", headers, body)
        exchanges.append((request, HttpResponse(200, API, "POST", headers, body)))
    check_pact(pact_of(exchanges, **NAMES, redactor=SecretRedactor()))
