"""The configuration of what several processes share."""

from pathlib import Path
from typing import Annotated, Literal, Self, TypeAlias

from pydantic import AfterValidator, Field, SecretStr, model_validator

from lexigram.contracts.fields import Converted
from lexigram.resilience._config.section import Section

__all__ = ["CoordinationConfig", "OnStoreError", "StoreConfig"]

OnStoreError: TypeAlias = Literal["local", "open", "closed"]
"""What a shared limit does without its store: keeps a share of it by itself, lets all
calls through, or none."""

_SCHEMES = ("redis://", "rediss://", "unix://")


def _known_scheme(url: SecretStr) -> SecretStr:
    if not url.get_secret_value().startswith(_SCHEMES):
        raise ValueError(
            "The URL of a store begins with redis://, rediss:// (TLS) or unix:// (a "
            "socket's path). Write it like redis://limits.internal:6379/0."
        )
    return url


_URL: TypeAlias = Annotated[SecretStr, AfterValidator(_known_scheme)]


class CoordinationConfig(Section):
    """How the processes of a fleet tell each other of open circuits."""

    quorum: float = Field(
        default=0.5,
        gt=0,
        le=1,
        description=(
            "The share of the processes that have to find an upstream down before the "
            "others leave it alone, too; two of them in any case."
        ),
    )
    interval: float = Field(
        default=1.0,
        gt=0,
        le=60,
        description=(
            "Seconds between two looks at what others found. What this process found "
            "is told at once."
        ),
    )


class StoreConfig(Section):
    """Where the processes of a fleet keep what they share: a Redis or Valkey server."""

    url: Converted[_URL, SecretStr | str] = Field(
        description=(
            "The server: redis://host:port/database, rediss:// for TLS, unix:// for a "
            "socket. A secret, since it may hold a password."
        ),
    )
    username: str | None = Field(
        default=None, description="Who asks, where the URL does not say it."
    )
    password: Converted[SecretStr | None, SecretStr | str | None] = Field(
        default=None,
        validate_default=True,
        description="The password, where the URL does not hold it.",
    )
    ca_file: Converted[Path | None, Path | str | None] = Field(
        default=None,
        validate_default=True,
        description=(
            "Certificates (PEM) that may have signed that of a rediss:// server; None "
            "for those of the system."
        ),
    )
    prefix: str = Field(
        default="lexigram",
        min_length=1,
        max_length=100,
        description=(
            "What all keys begin with. Applications of one prefix share their limits."
        ),
    )
    timeout: float = Field(
        default=0.05,
        gt=0,
        le=10,
        description=(
            "The longest that the store is waited for, in seconds, connecting included."
        ),
    )
    max_connections: int = Field(
        default=16, ge=1, description="Connections to the store of one process."
    )
    lease: float = Field(
        default=0.05,
        ge=0,
        le=10,
        description=(
            "For so many seconds' use a busy process fetches permits of a shared limit "
            "at once; what it has not used by then is lost. 0 asks for each call."
        ),
    )
    on_store_error: OnStoreError = Field(
        default="local",
        description=(
            "What shared limits do when the store is slow or gone: `local` keeps to "
            "`share` of each limit, `open` lets all calls through, `closed` none."
        ),
    )
    share: float = Field(
        default=0.1,
        gt=0,
        le=1,
        description=(
            "The part of each limit that a process keeps to by itself without the "
            "store: 1 divided by the number of processes, or less."
        ),
    )
    coordination: CoordinationConfig | None = Field(
        default=None,
        description=(
            "Whether circuits that open in many processes open in all, and one process "
            "tries for all. None, which is right for most, leaves each its own circuits: "
            "what is wrong with one process' path is not wrong with the others'."
        ),
    )
    instance: str | None = Field(
        default=None,
        min_length=1,
        max_length=200,
        description=(
            "What this process is called among those that share, unlike all others; "
            "None for a name that is drawn at random."
        ),
    )

    @model_validator(mode="after")
    def _check_tls(self) -> Self:
        url = self.url.get_secret_value()
        if self.ca_file is not None and not url.startswith("rediss://"):
            raise ValueError(
                "`ca_file` is set and the URL is not one of TLS. Write rediss://, or "
                "leave out `ca_file`."
            )
        return self
