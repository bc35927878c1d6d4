"""What an upstream can do other than answer, as values.

A fault is bytes to send and a way to end, so that the server needs to know none of them
by name and a test can write one of its own with `fault.raw`.
"""

from __future__ import annotations

import gzip
import math
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, Literal, TypeAlias, get_args

__all__ = ["Ending", "Fault", "Phase", "TLSFault", "fault"]

Ending: TypeAlias = Literal["keep", "close", "reset", "hang", "half_close", "race"]
"""What becomes of the connection: reused; closed (FIN); reset (RST); left silent; closed
in the server's direction only; closed when the next request begins to arrive."""

TLSFault: TypeAlias = Literal[
    "untrusted", "wrong_host", "expired", "reset", "hang", "plaintext"
]
"""How a handshake goes wrong: by a certificate of an unknown authority, for another name
or out of date; by RST or silence after the ClientHello; by HTTP instead of TLS."""

_BODY: Final = b"0123456789abcdef" * 64
_CERTIFICATES: Final = frozenset({"untrusted", "wrong_host", "expired"})


class Phase(StrEnum):
    """The part of an exchange that a fault breaks."""

    CONNECT = "connect"
    """Before a byte is exchanged."""
    TLS = "tls"
    """During the handshake."""
    REQUEST = "request"
    """While the request is being sent."""
    HEADERS = "headers"
    """After the request, before the end of the response's head."""
    BODY = "body"
    """Within the response's content."""
    AFTER = "after"
    """After a complete response, on its way to be used again."""


@dataclass(frozen=True, slots=True, repr=False)
class Fault:
    """One way for an exchange to go wrong. Make one with `fault`."""

    call: str
    """How it was made, for reports: "truncate(10)"."""
    phase: Phase
    """The part of the exchange that it breaks."""
    data: bytes = field(default=b"", repr=False)
    """What is sent at once, from the status line on."""
    then: Ending = "close"
    """What becomes of the connection after everything is sent."""
    slowly: bytes = field(default=b"", repr=False)
    """What is sent after `data`, at `bytes_per_second`."""
    bytes_per_second: float = 0.0
    """How fast `slowly` is sent."""
    certificate: str = ""
    """The kind of certificate that is shown instead of a good one; usually none."""
    wire_only: bool = True
    """Whether it needs a wire: an in-process fake cannot do it."""

    @property
    def kind(self) -> str:
        """The name of the constructor."""
        return self.call.partition("(")[0]

    @property
    def before_request(self) -> bool:
        """Whether it strikes before there is a request that a route could take."""
        return self.phase in {Phase.CONNECT, Phase.TLS, Phase.REQUEST}

    @property
    def __name__(self) -> str:
        # pytest takes this as the id of a parameter.
        return self.call

    def __repr__(self) -> str:
        return f"fault.{self.call}"


class fault:  # noqa: N801 - reads as a verb's object: `fail(fault.reset())`
    """The faults. `after_bytes` counts bytes of the body; 0 is before the status line.

    | fault | the client meets | in process |
    |---|---|---|
    | `refused` | a connection that is refused | yes |
    | `reset_on_accept` | RST, as soon as it is connected | no |
    | `tls` | a handshake that fails, or never ends | no |
    | `reset_on_request` | RST, while it sends the request | no |
    | `reset` | RST, before or within the response | only before it |
    | `hang` | silence, before or within the response | only before it |
    | `close` | FIN instead of a response | no |
    | `garbage` | bytes that are not HTTP | no |
    | `stall_headers` | half a head and then silence | no |
    | `drip_headers` | a head, slowly | no |
    | `huge_header` | a header field of many bytes | no |
    | `duplicate_length` | two Content-Lengths that differ | no |
    | `truncate` | fewer bytes than Content-Length says, then FIN | no |
    | `half_close` | the same, but the server goes on reading | no |
    | `wrong_length` | a Content-Length that is off by `delta`, then FIN | no |
    | `drip` | a body, slowly | no |
    | `bad_chunk` | a chunk size that is not a number | no |
    | `truncated_chunked` | chunks without the last one, then FIN | no |
    | `bad_gzip` | a body that is labelled gzip and is not | no |
    | `truncated_gzip` | gzip data without its end, framed correctly | no |
    | `body_on_204` | a body after a status that has none | no |
    | `invalid_json` | half a JSON document, framed correctly | as a `Reply` |
    | `wrong_charset` | text that is not in the charset it names | as a `Reply` |
    | `redirect_loop` | a redirect to itself | as a `Reply` |
    | `close_after_reply` | a good response, then FIN without a warning | no |
    | `keepalive_race` | a good response; the next request is cut off | no |
    | `raw` | whatever you write | no |

    Those that strike before there is a request (`refused`, `reset_on_accept`, `tls`,
    `reset_on_request`) are for `FaultServer.outage`; all others are for routes too.
    """

    @staticmethod
    def all() -> tuple[Fault, ...]:
        """Return every fault with typical arguments, for a parametrised test.

        Each is good for an id: `@pytest.mark.parametrize("cause", fault.all())`. Slow
        and silent ones take seconds to end or never do; the client needs a timeout.
        """
        return (
            *fault.portable(),
            fault.reset_on_accept(),
            *(fault.tls(kind) for kind in get_args(TLSFault)),
            fault.reset_on_request(),
            fault.reset(after_bytes=100),
            fault.hang(after_bytes=100),
            fault.close(),
            fault.garbage(),
            fault.stall_headers(),
            fault.drip_headers(1),
            fault.huge_header(),
            fault.duplicate_length(),
            fault.truncate(100),
            fault.half_close(100),
            fault.wrong_length(5),
            fault.wrong_length(-5),
            fault.drip(10),
            fault.bad_chunk(),
            fault.truncated_chunked(),
            fault.bad_gzip(),
            fault.truncated_gzip(),
            fault.body_on_204(),
            fault.invalid_json(),
            fault.wrong_charset(),
            fault.redirect_loop(),
            fault.close_after_reply(),
            fault.keepalive_race(),
            fault.raw(b"HTTP/1.1 OK\r\n\r\n"),
        )

    @staticmethod
    def portable() -> tuple[Fault, ...]:
        """Return those that a fake can do as well as a server."""
        return (fault.refused(), fault.reset(), fault.hang())

    @staticmethod
    def refused() -> Fault:
        """Refuse the connection."""
        return Fault("refused()", Phase.CONNECT, wire_only=False)

    @staticmethod
    def reset_on_accept() -> Fault:
        """Reset a connection as soon as it is there."""
        return Fault("reset_on_accept()", Phase.CONNECT, then="reset")

    @staticmethod
    def tls(kind: TLSFault) -> Fault:
        """Spoil the handshake; needs `FaultServer.run(tls=True)`.

        A client that does not verify certificates is served as usual in spite of
        "untrusted", "wrong_host" and "expired".

        Raises:
            ValueError: There is no such kind.
        """
        call = f"tls({kind!r})"
        if kind in _CERTIFICATES:
            return Fault(call, Phase.TLS, then="keep", certificate=kind)
        match kind:
            case "reset" | "hang":
                return Fault(call, Phase.TLS, then=kind)
            case "plaintext":
                return Fault(call, Phase.TLS, _message("400 Bad Request", b"no TLS"))
            case _:
                kinds = ", ".join(map(repr, get_args(TLSFault)))
                raise ValueError(f"{kind=!r} is unknown. Use one of {kinds}.")

    @staticmethod
    def reset_on_request() -> Fault:
        """Reset the connection when the first bytes of a request are there."""
        return Fault("reset_on_request()", Phase.REQUEST, then="reset")

    @staticmethod
    def reset(after_bytes: int = 0, *, body: bytes = _BODY) -> Fault:
        """Reset the connection after the request."""
        return _cut("reset", after_bytes, body, "reset")

    @staticmethod
    def hang(after_bytes: int = 0, *, body: bytes = _BODY) -> Fault:
        """Take the request and then stay silent until the client or the test is gone."""
        return _cut("hang", after_bytes, body, "hang")

    @staticmethod
    def close() -> Fault:
        """Close the connection without a response."""
        return Fault("close()", Phase.HEADERS)

    @staticmethod
    def garbage() -> Fault:
        """Answer with bytes that are not HTTP."""
        data = b"\x00\xff\x16\x03 this is not HTTP\r\n\r\n"
        return Fault("garbage()", Phase.HEADERS, data)

    @staticmethod
    def stall_headers() -> Fault:
        """Stay silent in the middle of the head."""
        begun = _head().removesuffix(b"\r\n\r\n")
        return Fault("stall_headers()", Phase.HEADERS, begun, "hang")

    @staticmethod
    def drip_headers(bytes_per_second: float) -> Fault:
        """Send a correct response, its head slowly.

        Raises:
            ValueError: The speed is not positive.
        """
        return Fault(
            f"drip_headers({_speed(bytes_per_second)!r})",
            Phase.HEADERS,
            then="keep",
            slowly=_message("200 OK", b"slow"),
            bytes_per_second=bytes_per_second,
        )

    @staticmethod
    def huge_header(size: int = 65_536) -> Fault:
        """Send a header field of `size` bytes; common clients accept some 8 KiB."""
        data = _message("200 OK", b"", f"X-Huge: {'x' * size}")
        call = _call("huge_header", *(() if size == 65_536 else (size,)))  # noqa: PLR2004 - the default
        return Fault(call, Phase.HEADERS, data, "keep")

    @staticmethod
    def duplicate_length() -> Fault:
        """Send two Content-Lengths that differ, which RFC 9112 §6.3 forbids to accept."""
        data = _message("200 OK", _BODY, "Content-Length: 5")
        return Fault("duplicate_length()", Phase.HEADERS, data)

    @staticmethod
    def truncate(after_bytes: int, *, body: bytes = _BODY) -> Fault:
        """Close the connection before the end of the body."""
        return _truncated("truncate", after_bytes, body, "close")

    @staticmethod
    def half_close(after_bytes: int, *, body: bytes = _BODY) -> Fault:
        """Close one direction before the end of the body, and go on reading."""
        return _truncated("half_close", after_bytes, body, "half_close")

    @staticmethod
    def wrong_length(delta: int, *, body: bytes = _BODY) -> Fault:
        """Declare `delta` more (or, negative, fewer) bytes than are sent.

        Raises:
            ValueError: The declared length would be right, or below zero.
        """
        if delta == 0 or len(body) + delta < 0:
            raise ValueError(
                f"{delta=!r} makes no wrong length of {len(body)} bytes. "
                "Use another one, such as 5 or -5."
            )
        head = _head(f"Content-Length: {len(body) + delta}")
        return Fault(_call("wrong_length", delta, body=body), Phase.BODY, head + body)

    @staticmethod
    def drip(bytes_per_second: float, *, body: bytes = _BODY) -> Fault:
        """Send a correct response, its body slowly.

        Raises:
            ValueError: The speed is not positive.
        """
        return Fault(
            _call("drip", _speed(bytes_per_second), body=body),
            Phase.BODY,
            _head(f"Content-Length: {len(body)}"),
            "keep",
            body,
            bytes_per_second,
        )

    @staticmethod
    def bad_chunk() -> Fault:
        """Send one good chunk and then a chunk size that is not a number."""
        head = _head("Transfer-Encoding: chunked")
        data = head + b"4\r\ngood\r\nzz\r\nbad\r\n0\r\n\r\n"
        return Fault("bad_chunk()", Phase.BODY, data)

    @staticmethod
    def truncated_chunked() -> Fault:
        """Close the connection before the last chunk."""
        data = _head("Transfer-Encoding: chunked") + b"4\r\ngood\r\n"
        return Fault("truncated_chunked()", Phase.BODY, data)

    @staticmethod
    def bad_gzip() -> Fault:
        """Send a body that is labelled gzip and is not."""
        return _framed("bad_gzip", b"this is not gzip", "Content-Encoding: gzip")

    @staticmethod
    def truncated_gzip(*, body: bytes = _BODY) -> Fault:
        """Send gzip data without its last half, framed correctly."""
        packed = gzip.compress(body, mtime=0)
        half = _message("200 OK", packed[: len(packed) // 2], "Content-Encoding: gzip")
        return Fault(_call("truncated_gzip", body=body), Phase.BODY, half, "keep")

    @staticmethod
    def body_on_204() -> Fault:
        """Send a body after a status that has none (RFC 9110 §15.3.5)."""
        data = _message("204 No Content", b"unexpected")
        return Fault("body_on_204()", Phase.BODY, data, "keep")

    @staticmethod
    def invalid_json() -> Fault:
        """Send half a JSON document, framed correctly."""
        return _framed(
            "invalid_json", b'{"id": 1, "na', "Content-Type: application/json"
        )

    @staticmethod
    def wrong_charset() -> Fault:
        """Send text that is labelled UTF-8 and is Latin-1."""
        text = "text/plain; charset=utf-8"
        return _framed("wrong_charset", b"caf\xe9 cr\xe8me", f"Content-Type: {text}")

    @staticmethod
    def redirect_loop() -> Fault:
        """Redirect to the same path, whatever it is, keeping the method."""
        status = "307 Temporary Redirect"
        data = _message(status, b"", "Location: ?again=1")
        return Fault("redirect_loop()", Phase.AFTER, data, "keep")

    @staticmethod
    def close_after_reply() -> Fault:
        """Send a correct response and then close without having said so."""
        data = _message("200 OK", _BODY)
        return Fault("close_after_reply()", Phase.AFTER, data)

    @staticmethod
    def keepalive_race() -> Fault:
        """Send a correct response, and close when the next request arrives.

        So a server's limit for idle connections meets a client that uses one again; the
        client cannot know whether the second request was seen.
        """
        data = _message("200 OK", _BODY)
        return Fault("keepalive_race()", Phase.AFTER, data, "race")

    @staticmethod
    def raw(data: bytes, then: Ending = "close") -> Fault:
        """Send exactly these bytes.

        Raises:
            ValueError: There is no such ending.
        """
        if then not in get_args(Ending):
            endings = ", ".join(map(repr, get_args(Ending)))
            raise ValueError(f"{then=!r} is unknown. Use one of {endings}.")
        return Fault(f"raw({data!r}, {then!r})", Phase.HEADERS, data, then)


def _head(*fields: str, status: str = "200 OK") -> bytes:
    if not any(text.startswith("Content-Type:") for text in fields):
        fields = ("Content-Type: text/plain", *fields)
    return "\r\n".join((f"HTTP/1.1 {status}", *fields, "", "")).encode()


def _message(status: str, content: bytes, *fields: str) -> bytes:
    head = _head(*fields, f"Content-Length: {len(content)}", status=status)
    return head + content


def _framed(name: str, content: bytes, *fields: str) -> Fault:
    data = _message("200 OK", content, *fields)
    return Fault(f"{name}()", Phase.BODY, data, "keep")


def _cut(name: str, after_bytes: int, body: bytes, then: Ending) -> Fault:
    if after_bytes == 0:
        return Fault(f"{name}()", Phase.HEADERS, then=then, wire_only=False)
    return _truncated(name, after_bytes, body, then)


def _truncated(name: str, after_bytes: int, body: bytes, then: Ending) -> Fault:
    if not 0 <= after_bytes < len(body):
        raise ValueError(
            f"{after_bytes=!r} is not within the body of {len(body)} bytes. "
            "Use a smaller number or give a longer `body`."
        )
    data = _head(f"Content-Length: {len(body)}") + body[:after_bytes]
    return Fault(_call(name, after_bytes, body=body), Phase.BODY, data, then)


def _speed(bytes_per_second: float) -> float:
    if 0 < bytes_per_second < math.inf:
        return bytes_per_second
    raise ValueError(
        f"{bytes_per_second=!r} is not a speed. Use a silent fault for none at all: "
        "`hang` or `stall_headers`."
    )


def _call(name: str, *arguments: object, body: bytes = _BODY) -> str:
    shown = [repr(argument) for argument in arguments]
    if body != _BODY:
        shown.append(f"{body=!r}")
    return f"{name}({', '.join(shown)})"
