"""Streams of lines, JSON values and server-sent events.

What transports make a stream of, and the parsers behind it, which take bytes in any
division and do no input of their own. A service that reads streams needs
`ServerSentEvent`, and `events` where a stream is to go on after its connection is lost;
`lexigram.contracts.web` does not import any of it.
"""

from lexigram.contracts.web._streaming import MAX_LINE_BYTES
from lexigram.contracts.web.streaming._json_lines import HTTPLineDecodeError
from lexigram.contracts.web.streaming._json_seq import JSONSequenceSplitter
from lexigram.contracts.web.streaming._lines import LineSplitter
from lexigram.contracts.web.streaming._reconnecting import events
from lexigram.contracts.web.streaming._source import EventSource, Reconnect, Resumed
from lexigram.contracts.web.streaming._sse import EventParser, ServerSentEvent
from lexigram.contracts.web.streaming._stream import ResponseStream
from lexigram.contracts.web.streaming._text import TextDecoder

__all__ = [
    "MAX_LINE_BYTES",
    "EventParser",
    "EventSource",
    "HTTPLineDecodeError",
    "JSONSequenceSplitter",
    "LineSplitter",
    "Reconnect",
    "ResponseStream",
    "Resumed",
    "ServerSentEvent",
    "TextDecoder",
    "events",
]
