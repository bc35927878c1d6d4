"""What a client has for itself when its connections are those of another."""

from __future__ import annotations

from typing import ClassVar, Final

from lexigram.contracts.errors import LexigramError
from lexigram.http.config import HTTPClientConfig
from lexigram.http.pool.pool import ConnectionPool

# Limits of a call, which stand in the pool's section: each client may have its own.
_OF_CALLS: Final = frozenset(
    {
        "timeout",
        "attempt_timeout",
        "acquire_timeout",
        "connect_timeout",
        "read_timeout",
        "stream_idle_timeout",
    }
)


class SharedPoolError(LexigramError, ValueError):
    """A client that shares a pool is configured as if it had one of its own."""

    code: ClassVar[str] = "http.shared_pool"


def share(
    config: HTTPClientConfig, owner: HTTPClientConfig, section: str
) -> HTTPClientConfig:
    """Return the configuration of a client that uses the pool of another.

    What belongs to the pool is the owner's, so that the client's configuration says
    what is in force.

    Args:
        config: What is configured for the client.
        owner: The configuration of the client whose pool it is.
        section: Where `config` comes from, for the report.

    Raises:
        SharedPoolError: `config` sets something that only the owner can.
    """
    wrong = [f"pool.{name}" for name in config.pool.model_fields_set - _OF_CALLS]
    if config.tls.model_fields_set:
        wrong.append("tls")
    if "egress" in config.model_fields_set:
        wrong.append("egress")
    if wrong:
        keys = ", ".join(f"`{section}.{name}`" for name in sorted(wrong))
        raise SharedPoolError(
            f"{keys} cannot be set: the client shares the pool of the section `http`. "
            "Set it there, or give the client a pool of its own with `share_pool=False`."
        )
    limits = {name: getattr(config.pool, name) for name in _OF_CALLS}
    of_the_pool = {
        "pool": owner.pool.model_copy(update=limits),
        "tls": owner.tls,
        "egress": owner.egress,
    }
    return config.model_copy(update=of_the_pool)


def check_shared(config: HTTPClientConfig, pool: ConnectionPool) -> None:
    """Refuse what a client wants of a pool that is made otherwise.

    Raises:
        SharedPoolError: Names the fields.
    """
    wrong = [
        f"pool.{name}"
        for name in sorted(config.pool.model_fields_set - _OF_CALLS)
        if getattr(config.pool, name) != getattr(pool.config, name)
    ]
    if "tls" in config.model_fields_set and config.tls != pool.tls:
        wrong.append("tls")
    if config.egress != pool.egress:
        wrong.append("egress")
    if wrong:
        keys = ", ".join(f"`{name}`" for name in wrong)
        raise SharedPoolError(
            f"The pool that is given to the client has another {keys}. Connections are "
            "the pool's: make it so, or leave the fields out of the client's."
        )
