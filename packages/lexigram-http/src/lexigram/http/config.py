"""How a client behaves: the `http:` section, its units, defaults and bounds."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, Secret, field_validator, model_validator

from lexigram.contracts.fields import Converted, Several
from lexigram.contracts.redaction import redact_url
from lexigram.contracts.web import RETRYABLE_STATUSES, Timeouts
from lexigram.contracts.web.calling import (
    CONNECT_TIMEOUT,
    MAX_ERROR_BYTES,
    MAX_REDIRECTS,
    MAX_RESPONSE_BYTES,
    STREAM_IDLE_TIMEOUT,
    TIMEOUT,
)
from lexigram.http.egress.config import EgressConfig
from lexigram.http.proxy import Proxy
from lexigram.http.section import Section
from lexigram.http.tls import TLSConfig


class ProxyURL(Secret[str]):
    """The URL of a proxy, shown without its credentials."""

    def _display(self) -> str:
        return redact_url(self.get_secret_value())


class ConnectionPoolConfig(Section):
    """The connections of one client."""

    max_connections: int = Field(
        default=10,
        ge=1,
        description="Most connections open at once, idle ones included.",
    )
    max_keepalive_connections: int = Field(
        default=5, ge=0, description="Most idle connections kept per host."
    )
    max_connections_per_host: int = Field(
        default=10, ge=1, description="Most connections open at once to one host."
    )
    timeout: float | None = Field(
        default=TIMEOUT,
        gt=0,
        description=(
            "Seconds for a whole call: the wait for a connection, every attempt, every "
            "back-off and the body. Null waits for ever."
        ),
    )
    attempt_timeout: float | None = Field(
        default=None,
        gt=0,
        description=(
            "Seconds for one attempt, from the wait for a connection to the end of the "
            "body. Null leaves it to `timeout`."
        ),
    )
    acquire_timeout: float | None = Field(
        default=None,
        gt=0,
        description=(
            "Seconds to wait for a connection while all are in use. Null leaves it to "
            "`timeout`."
        ),
    )
    connect_timeout: float | None = Field(
        default=CONNECT_TIMEOUT,
        gt=0,
        description=(
            "Seconds for opening a connection: the look-up of the name, TCP, the proxy "
            "and TLS. Null leaves it to `timeout`."
        ),
    )
    read_timeout: float | None = Field(
        default=None,
        gt=0,
        description=(
            "Seconds of silence that are borne, before the response and between two "
            "pieces of it. Null leaves it to `timeout`."
        ),
    )
    stream_idle_timeout: float | None = Field(
        default=STREAM_IDLE_TIMEOUT,
        gt=0,
        description=(
            "Seconds of silence that are borne of a stream, where `read_timeout` says "
            "nothing. Null waits for ever."
        ),
    )
    ttl_dns_cache: float = Field(
        default=300, ge=0, description="Seconds that a resolved name is kept."
    )
    keepalive_timeout: float = Field(
        default=4.0,
        gt=0,
        description=(
            "Seconds that an idle connection is kept. Below the 5 s after which common "
            "servers close theirs, so that a request does not meet the close; less where "
            "a server says `Keep-Alive: timeout=`."
        ),
    )
    max_connection_age: float | None = Field(
        default=300,
        gt=0,
        description=(
            "Seconds after which a connection is not used again, so that what its name "
            "stands for today is seen. Null uses it as long as it lasts."
        ),
    )
    force_close: bool = Field(
        default=False, description="Close every connection after one request."
    )

    @property
    def most_idle(self) -> int:
        """How many idle connections one host can have."""
        if self.force_close:
            return 0
        return min(
            self.max_connections,
            self.max_connections_per_host,
            self.max_keepalive_connections,
        )

    def timeouts(self, *, streams: bool = False) -> Timeouts:
        """Return the limits of time of a call that gives none."""
        read = self.read_timeout
        if streams and read is None:
            read = self.stream_idle_timeout
        return Timeouts(
            total=self.timeout,
            attempt=self.attempt_timeout,
            pool=self.acquire_timeout,
            connect=self.connect_timeout,
            read=read,
        )


class HTTPClientConfig(Section):
    """One client."""

    pool: ConnectionPoolConfig = Field(default_factory=ConnectionPoolConfig)
    tls: TLSConfig = Field(default_factory=TLSConfig)
    tls_policies: dict[Annotated[str, Field(min_length=1)], TLSConfig] = Field(
        default={},
        description=(
            "Other ways to speak TLS, by the names that single calls choose them by with "
            "the option `tls`. Each stands alone: nothing of `tls` is added to it."
        ),
    )
    proxy: Converted[ProxyURL | None, ProxyURL | str | None] = Field(
        default=None,
        validate_default=True,
        description="URL of an HTTP proxy for every request; wins over the environment.",
    )
    trust_env: bool = Field(
        default=True,
        description=(
            "Whether HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY are honoured, as they are "
            "when the client starts."
        ),
    )
    egress: EgressConfig = Field(default_factory=EgressConfig)
    cookie_jar: bool = Field(
        default=True,
        description="Whether cookies are kept, in memory, from start to stop.",
    )
    follow_redirects: bool = Field(
        default=True, description="Whether redirects are followed."
    )
    max_redirects: int = Field(
        default=MAX_REDIRECTS, ge=0, description="Most redirects of one call."
    )
    max_response_bytes: int | None = Field(
        default=MAX_RESPONSE_BYTES,
        ge=0,
        description=(
            "Largest body that is accepted, in bytes, as received and as decoded. Null "
            "takes any."
        ),
    )
    max_error_bytes: int | None = Field(
        default=MAX_ERROR_BYTES,
        ge=0,
        description=(
            "What is kept of the body of an error (status 400 and more) or a redirect, in "
            "bytes; the rest is cut off, which is no failure. Null keeps as much as of "
            "any other response."
        ),
    )
    retry_statuses: Converted[frozenset[int], Several[int] | range] = Field(
        default=RETRYABLE_STATUSES,
        validate_default=True,
        description=(
            "Statuses that are worth another attempt, for the built-in retry and for "
            "whatever policy is registered; from 400 to 599."
        ),
    )
    infrastructure_errors: Literal["raise", "return"] = Field(
        default="raise",
        description=(
            "Whether the verbs raise what policies decide (circuit open, retries "
            "exhausted, rejected) or return it as Err like every other failure."
        ),
    )

    @field_validator("retry_statuses", mode="after")
    @classmethod
    def _of_errors(cls, statuses: frozenset[int]) -> frozenset[int]:
        for status in sorted(statuses):
            if not 400 <= status <= 599:  # noqa: PLR2004 - RFC 9110 §15.5, §15.6
                raise ValueError(
                    f"{status} is no status of an error, and a success is never repeated. "
                    "Use statuses from 400 to 599."
                )
        return statuses

    @field_validator("proxy", mode="after")
    @classmethod
    def _usable_proxy(cls, proxy: ProxyURL | None) -> ProxyURL | None:
        if proxy is not None:
            Proxy.parse(proxy.get_secret_value())
        return proxy

    @model_validator(mode="after")
    def _not_around_egress(self) -> Self:
        egress = self.egress
        if self.proxy is not None and egress.restricts and not egress.trust_proxy:
            raise ValueError(
                f"A proxy connects to anything, so `egress` ({egress.summary}) would not "
                "hold with `proxy`. Leave one of them out, or set `egress.trust_proxy` "
                "if the proxy enforces the policy."
            )
        return self
