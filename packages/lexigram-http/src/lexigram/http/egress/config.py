"""The `egress:` section: which calls a client makes at all."""

from __future__ import annotations

import re
from typing import Final, Literal, Self, TypeAlias

from pydantic import Field, field_validator, model_validator

from lexigram.contracts.fields import Converted, Several
from lexigram.http.egress.addresses import network_of, number_of
from lexigram.http.section import Section

Destinations: TypeAlias = Literal["any", "public_only", "loopback", "listed"]
"""Which addresses are connected to: all, those of the public internet, those of this
machine, or those of `allow_networks` alone."""

Scheme: TypeAlias = Literal["http", "https"]

# A name on the wire. What is not ASCII has several forms there, by the edition of IDNA.
_NAME: Final = re.compile(r"[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*")
_BELOW: Final = "*."


class EgressConfig(Section):
    """Where a client may connect to. Every rule has to hold; what is empty is no rule.

    Schemes, hosts and ports are those of each URL, redirects included, and are looked at
    before its name is looked up. Addresses are those that are about to be connected to.
    """

    addresses: Destinations = Field(
        default="any",
        description=(
            "Which addresses are connected to: any, those of the public internet "
            "(`public_only`), those of this machine (`loopback`), or those of "
            "`allow_networks` alone (`listed`)."
        ),
    )
    allow_networks: Converted[tuple[str, ...], Several[str]] = Field(
        default=(),
        validate_default=True,
        description=(
            "Networks that are connected to beside `addresses`, in CIDR notation."
        ),
    )
    deny_networks: Converted[tuple[str, ...], Several[str]] = Field(
        default=(),
        validate_default=True,
        description=(
            "Networks that are never connected to, in CIDR notation, nor through an "
            "IPv6 address that carries one of theirs."
        ),
    )
    allow_hosts: Converted[tuple[str, ...], Several[str]] = Field(
        default=(),
        validate_default=True,
        description=(
            "The only hosts that are called: names, `*.name` for all below one, and "
            "addresses. Their addresses are judged all the same."
        ),
    )
    deny_hosts: Converted[tuple[str, ...], Several[str]] = Field(
        default=(),
        validate_default=True,
        description="Hosts that are never called: names, and `*.name` for all below one.",
    )
    allow_ports: Converted[frozenset[int], Several[int] | range] = Field(
        default=frozenset(),
        validate_default=True,
        description="The only ports that are called, 1 to 65535.",
    )
    deny_ports: Converted[frozenset[int], Several[int] | range] = Field(
        default=frozenset(),
        validate_default=True,
        description="Ports that are never called, 1 to 65535.",
    )
    allow_schemes: Converted[frozenset[Scheme], Several[Scheme]] = Field(
        default=frozenset(),
        validate_default=True,
        description="The only schemes that are called.",
    )
    trust_proxy: bool = Field(
        default=False,
        description=(
            "Whether proxies are used beside these rules. A proxy looks names up by "
            "itself: it has to enforce `addresses` and networks, and may have any "
            "address. False refuses `proxy`, and does not use the environment's."
        ),
    )

    @property
    def restricts(self) -> bool:
        """Whether there is any rule."""
        return self.addresses != "any" or bool(self.lists)

    @property
    def lists(self) -> tuple[str, ...]:
        """The names of the lists that are rules."""
        names = [name for name in type(self).model_fields if "_" in name]
        return tuple(n for n in names if n != "trust_proxy" and getattr(self, n))

    @property
    def summary(self) -> str:
        """What is in force, in one line."""
        return ", ".join([self.addresses, *(f"`{name}`" for name in self.lists)])

    @field_validator("allow_networks", "deny_networks", mode="after")
    @classmethod
    def _networks(cls, texts: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(map(_network, texts))

    @field_validator("allow_hosts", mode="after")
    @classmethod
    def _allowed_hosts(cls, texts: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(str(number_of(text) or _host(text)) for text in texts)

    @field_validator("deny_hosts", mode="after")
    @classmethod
    def _denied_hosts(cls, texts: tuple[str, ...]) -> tuple[str, ...]:
        for text in texts:
            if number_of(text) is not None:
                raise ValueError(
                    f"{text!r} is an address, which names lead to as well. Write it into "
                    "`deny_networks`."
                )
        return tuple(map(_host, texts))

    @field_validator("allow_ports", "deny_ports", mode="after")
    @classmethod
    def _ports(cls, ports: frozenset[int]) -> frozenset[int]:
        for port in sorted(ports):
            if not 1 <= port <= 65535:  # noqa: PLR2004 - RFC 9293 §3.1
                raise ValueError(f"{port} is no port. Use numbers from 1 to 65535.")
        return ports

    @model_validator(mode="after")
    def _listed_somewhere(self) -> Self:
        if self.addresses == "listed" and not self.allow_networks:
            raise ValueError(
                "`addresses: listed` without `allow_networks` forbids every call. Name "
                "the networks."
            )
        if self.addresses == "any" and self.allow_networks:
            raise ValueError(
                "`allow_networks` adds nothing to `addresses: any`. For these networks "
                "alone, set `addresses: listed`."
            )
        return self


def _network(text: str) -> str:
    try:
        return str(network_of(text.strip()))
    except ValueError as error:
        raise ValueError(
            f"{text!r} is no network ({error}). Write one as 10.0.0.0/8, or an address."
        ) from None


def _host(text: str) -> str:
    name = text.strip().lower().rstrip(".")
    if not _NAME.fullmatch(name.removeprefix(_BELOW)):
        raise ValueError(
            f"{text!r} is no host. Write a name as api.test, or *.api.test for all below "
            "it, without scheme and port; what is not ASCII in the form that begins with "
            "xn--."
        )
    return name
