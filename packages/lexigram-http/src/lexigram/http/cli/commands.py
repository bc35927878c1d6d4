"""What each command does, between a call and standard output."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Final

from lexigram.contracts.web import (
    HttpResponse,
    HTTPStatusError,
    RequestOptions,
    ResponseStreamProtocol,
    format_timeline,
)
from lexigram.contracts.web.streaming import ServerSentEvent
from lexigram.http.cli.arguments import Asked
from lexigram.http.cli.exits import ExitCode
from lexigram.http.cli.output import Output, tell
from lexigram.http.cli.saving import save, writable
from lexigram.http.client import HTTPClient
from lexigram.http.config import HTTPClientConfig

__all__ = ["run"]

_STANDARD_OUTPUT: Final = "-"

_BREAKS: Final = re.compile(r"[\r\n]+")


async def run(
    asked: Asked, config: HTTPClientConfig, options: RequestOptions
) -> ExitCode:
    """Do what is asked, and return how it ended.

    Raises:
        HTTPClientError: The call failed.
        OSError: A file or standard output cannot be written.
    """
    client = HTTPClient(config)
    if asked.command == "explain":
        Output().line(str(client.explain(asked.method, asked.url, **options)))
        return ExitCode.FINE
    async with client:
        if asked.verbose:
            tell(str(client.explain(asked.method, asked.url, **options)))
        match asked.command:
            case "download":
                return await _download(client, asked, options)
            case "stream":
                return await _stream(client, asked, options)
            case _:
                return await _request(client, asked, options)


async def _request(
    client: HTTPClient, asked: Asked, options: RequestOptions
) -> ExitCode:
    target: Path | None = None
    if asked.output not in (None, _STANDARD_OUTPUT):
        target = writable(Path(asked.output))
    response = await client.request(asked.method, asked.url, **options)
    if asked.verbose:
        tell(_timeline(response))
    output = Output(raw=asked.raw)
    # There is nothing else to see of HEAD.
    if asked.include or asked.method == "HEAD":
        output.head(response.status, response.headers.pairs)
    if not response.ok:
        output.body(response)
        tell(str(HTTPStatusError(response)))
        return ExitCode.STATUS
    if target is not None:
        target.write_bytes(response.body)
    elif asked.output == _STANDARD_OUTPUT:
        output.write(response.body)
    else:
        output.body(response)
    return ExitCode.FINE


def _timeline(response: HttpResponse) -> str:
    if response.timeline:
        return format_timeline(response.timeline)
    return f"Answered {response.status} at once, in {response.elapsed:.3f} s."


async def _download(
    client: HTTPClient, asked: Asked, options: RequestOptions
) -> ExitCode:
    done = await save(client, asked, options)
    resumed = f", {done.resumed_from} of them from before" if done.resumed_from else ""
    tell(f"{done.size} bytes{resumed}.")
    Output().line(str(done.path))
    return ExitCode.FINE


async def _stream(
    client: HTTPClient, asked: Asked, options: RequestOptions
) -> ExitCode:
    async with client.stream(asked.method, asked.url, **options) as stream:
        output = Output(raw=asked.raw)
        if asked.include:
            output.head(stream.status, stream.headers.pairs)
        stream.raise_for_status()
        write = output.line if asked.raw else output.json_line
        match asked.form_of_stream or _form_of(stream):
            case "events":
                async for event in stream.events(end=asked.end):
                    write(event.data if asked.raw else _as_json(event))
            case "json":
                async for value in stream.json_lines(_one_line):
                    write(value)
            case _:
                async for line in stream.lines():
                    output.line(line)
    return ExitCode.FINE


def _form_of(stream: ResponseStreamProtocol) -> str:
    """Return what to read a stream as, by its Content-Type."""
    kind = stream.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "text/event-stream":
        return "events"
    # One JSON document may be laid out over many lines; these may not.
    line_by_line = ("ndjson", "jsonl", "jsonlines", "json-lines", "json-seq")
    return "json" if kind.endswith(line_by_line) else "lines"


def _one_line(value: bytes) -> str:
    """Return a JSON value as it was sent, on one line."""
    json.loads(value)
    # No text within JSON has a line break: what has one is white space.
    return _BREAKS.sub(" ", value.decode().strip())


def _as_json(event: ServerSentEvent) -> str:
    shown = {"event": event.event, "data": event.data, "id": event.id}
    return json.dumps(shown, ensure_ascii=False)
