"""What the server saw of a connection."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from lexigram.testing._answers.faults import Fault
from lexigram.testing._calls.requests import RecordedRequest
from lexigram.testing._server.transcript import Peer, transcript

__all__ = ["LOG_LIMIT", "ByteLog", "ConnectionRecord", "TLSInfo"]

LOG_LIMIT: Final = 64 * 1024
"""How many bytes of each direction of a connection are kept; all are counted."""


class ByteLog:
    """The bytes of a connection, in order, by who sent them."""

    __slots__ = ("counts", "ends", "pieces")

    def __init__(self) -> None:
        self.ends: dict[Peer, list[int]] = {"client": [], "server": []}
        self.counts: dict[Peer, int] = {"client": 0, "server": 0}
        self.pieces: list[tuple[Peer, bytes]] = []

    def add(self, sender: Peer, data: bytes) -> None:
        """Count bytes, and keep those within the limit."""
        before = self.counts[sender]
        self.counts[sender] = before + len(data)
        if before < LOG_LIMIT and data:
            self.pieces.append((sender, data[: LOG_LIMIT - before]))

    def end_message(self, sender: Peer, position: int) -> None:
        """Note that a message of this direction ends after so many bytes."""
        self.ends[sender].append(position)

    def sent_by(self, sender: Peer) -> bytes:
        """Return what is kept of one direction."""
        return b"".join(data for peer, data in self.pieces if peer == sender)


@dataclass(frozen=True, slots=True)
class TLSInfo:
    """What a handshake agreed on, or how it failed."""

    version: str = ""
    """The protocol, such as "TLSv1.3"; empty when the handshake failed."""
    cipher: str = ""
    """The cipher suite; empty when the handshake failed."""
    alpn: str | None = None
    """What was chosen of the application protocols that the client offers."""
    server_name: str | None = None
    """The name that the client asked for; clients send none for an IP address."""
    failure: str = ""
    """Why there is no session; empty when there is one."""


@dataclass(slots=True)
class ConnectionRecord:
    """What the server saw of one connection.

    Over TLS the bytes are those of the HTTP within it. Of each direction the first
    64 KiB are kept; `bytes_received` and `bytes_sent` count all.
    """

    id: int
    """Its number, from 1."""
    opened: float
    """When it was accepted, as a time of the event loop."""
    closed: float | None = None
    """When it ended; None while it is open."""
    requests: list[RecordedRequest] = field(default_factory=list)
    """The requests that came over it, in order."""
    closed_by: Peer | None = None
    """Who ended it; None while it is open."""
    tls: TLSInfo | None = None
    """The handshake; None without one."""
    fault: Fault | None = None
    """The fault that it met before a request; None for one that was served."""
    log: ByteLog = field(default_factory=ByteLog, repr=False)
    """Every byte, as far as it is kept."""

    @property
    def is_open(self) -> bool:
        """Whether it has not ended yet."""
        return self.closed is None

    @property
    def reuses(self) -> int:
        """How many requests came after the first."""
        return max(0, len(self.requests) - 1)

    @property
    def bytes_received(self) -> int:
        """How many bytes came from the client."""
        return self.log.counts["client"]

    @property
    def bytes_sent(self) -> int:
        """How many bytes were handed to the network for the client."""
        return self.log.counts["server"]

    @property
    def received(self) -> bytes:
        """What came from the client, its beginning."""
        return self.log.sent_by("client")

    @property
    def sent(self) -> bytes:
        """What was sent to the client, its beginning."""
        return self.log.sent_by("server")

    def render(self) -> str:
        """Return a transcript: `>` marks what the client sent, `<` the server.

        It is stable from run to run. Values of secret-looking headers, of queries and,
        line by line, of secret-looking fields of a body are replaced. Only for
        reading: `received` and `sent` have the bytes themselves.
        """
        lines = [f"* connection {self.id}{self._how()}"]
        lines += transcript(self.log.pieces, self.log.ends)
        for peer, count in self.log.counts.items():
            if count > LOG_LIMIT:
                lines.append(f"* {count - LOG_LIMIT} more bytes of the {peer}")
        lines.append(
            f"* closed by the {self.closed_by}" if self.closed_by else "* open"
        )
        return "\n".join(lines)

    def _how(self) -> str:
        parts: list[str] = []
        if self.tls is not None:
            parts.append(self.tls.version or f"no TLS ({self.tls.failure})")
        if self.fault is not None:
            parts.append(repr(self.fault))
        return "".join(f", {part}" for part in parts)
