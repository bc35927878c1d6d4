"""Whom a client trusts, and how it proves who it is: the `tls:` section and its context."""

from __future__ import annotations

import asyncio
import hashlib
import importlib
import logging
import ssl
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Final, Literal, Self

from pydantic import Field, SecretStr, field_validator, model_validator

from lexigram.contracts.errors import LexigramError
from lexigram.contracts.fields import Converted, Several
from lexigram.http.section import Section

logger: logging.Logger = logging.getLogger("lexigram.http.client")

_SHA256_DIGITS: Final = 64

_VERSIONS: Final = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}


class TLSConfigError(LexigramError, ValueError):
    """What the `tls` section names cannot be used; raised when a client starts."""

    code: ClassVar[str] = "http.tls_config"


class PinMismatchError(ssl.SSLCertVerificationError):
    """The certificate of the server is none of those that are pinned."""


class TLSConfig(Section):
    """How a client speaks TLS. Left alone, it verifies as Python does by default."""

    trust: Literal["default", "system", "only_extra"] = Field(
        default="default",
        description=(
            "Which authorities are trusted beside `ca_file` and `ca_data`: those of "
            "OpenSSL, those of the operating system (needs the extra "
            "`lexigram-http[truststore]`), or none."
        ),
    )
    ca_file: Converted[Path | None, Path | str | None] = Field(
        default=None,
        validate_default=True,
        description="PEM file with authorities to trust as well.",
    )
    ca_data: str | None = Field(
        default=None, description="Authorities to trust as well, as PEM text."
    )
    client_cert_file: Converted[Path | None, Path | str | None] = Field(
        default=None,
        validate_default=True,
        description="PEM file with the certificate that is shown to servers, and its chain.",
    )
    client_key_file: Converted[Path | None, Path | str | None] = Field(
        default=None,
        validate_default=True,
        description="PEM file with its key; left out: in `client_cert_file`.",
    )
    client_key_password: Converted[SecretStr | None, SecretStr | str | None] = Field(
        default=None, validate_default=True, description="Decrypts the key."
    )
    pins: Converted[tuple[str, ...], Several[str]] = Field(
        default=(),
        validate_default=True,
        description=(
            "SHA-256 fingerprints in hexadecimal. A server, not a proxy before it, has "
            "to show one of these certificates, and the other checks still hold."
        ),
    )
    minimum_version: Literal["1.2", "1.3"] = Field(
        default="1.2", description="The oldest version of TLS to speak."
    )
    danger_accept_invalid_certificates: (
        Literal["anyone may read and change what is sent"] | None
    ) = Field(
        default=None,
        description=(
            "Accepts every certificate, expired, for another host or forged, when the "
            "sentence is set. `ca_file` or `pins` do what is needed for a server of "
            "your own."
        ),
    )

    @field_validator("minimum_version", mode="before")
    @classmethod
    def _as_text(cls, version: object) -> object:
        # YAML reads 1.2 as a number.
        return str(version) if isinstance(version, float) else version

    @field_validator("pins", mode="after")
    @classmethod
    def _as_digests(cls, pins: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(map(_digest, pins))

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.trust == "only_extra" and self.ca_file is None and self.ca_data is None:
            raise ValueError(
                "`trust: only_extra` leaves nobody to trust. "
                "Name authorities with `ca_file` or `ca_data`."
            )
        if self.client_cert_file is None:
            for name in ("client_key_file", "client_key_password"):
                if getattr(self, name) is not None:
                    raise ValueError(
                        f"`{name}` is of no use without a certificate. "
                        "Name it with `client_cert_file`."
                    )
        return self


@dataclass(frozen=True, slots=True)
class TLSPolicy:
    """What a pool needs to speak TLS.

    Attributes:
        context: Verifies certificates; True stands for the default one.
        pins: The fingerprints to choose from; none for any.
    """

    context: ssl.SSLContext | Literal[True] = True
    pins: frozenset[str] = frozenset()

    def check(self, session: ssl.SSLObject) -> None:
        """Refuse a server whose certificate is not pinned.

        Raises:
            PinMismatchError: It is another one.
        """
        if not self.pins:
            return
        certificate = session.getpeercert(binary_form=True) or b""
        digest = hashlib.sha256(certificate).hexdigest()
        if digest not in self.pins:
            raise PinMismatchError(f"certificate with the SHA-256 fingerprint {digest}")


async def prepare(config: TLSConfig) -> TLSPolicy:
    """Make the policy of a client, once, without holding up the loop.

    Reading the authorities takes tens of milliseconds. The default is ready from
    aiohttp's import on.

    Raises:
        TLSConfigError: A file or a text cannot be used.
        ModuleNotFoundError: `truststore` is asked for and not installed.
    """
    if config == TLSConfig():
        return TLSPolicy()
    # Of its own where there are pins: connections are told apart by their context, and
    # one that was opened without a look at the certificate must not be used here.
    return TLSPolicy(await _prepared(config, "tls"), frozenset(config.pins))


@dataclass(frozen=True, slots=True)
class NamedPolicy(TLSPolicy):
    """A policy that calls name; its context is its own, even when it says nothing."""

    context: ssl.SSLContext


async def prepare_named(configs: Mapping[str, TLSConfig]) -> Mapping[str, NamedPolicy]:
    """Make the policies of `tls_policies`, as `prepare` does.

    Raises:
        TLSConfigError: A file or a text cannot be used.
        ModuleNotFoundError: `truststore` is asked for and not installed.
    """
    return {
        name: NamedPolicy(
            await _prepared(config, f"tls_policies.{name}"), frozenset(config.pins)
        )
        for name, config in configs.items()
    }


async def _prepared(config: TLSConfig, section: str) -> ssl.SSLContext:
    if config.danger_accept_invalid_certificates:
        extra = {"section": section}
        logger.warning("http.client.certificates_not_verified", extra=extra)
    return await asyncio.to_thread(_context, config, section)


def _context(config: TLSConfig, section: str) -> ssl.SSLContext:
    context = _trusting(config, section)
    if config.ca_file is not None:
        _trust_file(context, config.ca_file, section)
    if config.ca_data is not None:
        _trust_data(context, config.ca_data, section)
    if config.client_cert_file is not None:
        _show_certificate(context, config, config.client_cert_file, section)
    context.minimum_version = _VERSIONS[config.minimum_version]
    context.set_alpn_protocols(["http/1.1"])
    if config.danger_accept_invalid_certificates:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _trusting(config: TLSConfig, section: str) -> ssl.SSLContext:
    match config.trust:
        case "default":
            return ssl.create_default_context()
        case "system":
            return _of_the_system(section)
        case "only_extra":
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            if sys.version_info >= (3, 13):
                # As in the default context, which cannot be had without authorities.
                context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
                context.verify_flags |= ssl.VERIFY_X509_STRICT
            return context


def _of_the_system(section: str) -> ssl.SSLContext:
    try:
        # The extra need not be installed where types are checked.
        truststore: Any = importlib.import_module("truststore")
    except ImportError as error:
        raise ModuleNotFoundError(
            f"`{section}.trust: system` needs `truststore`. "
            'Install it: pip install "lexigram-http[truststore]".'
        ) from error
    context: ssl.SSLContext = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    return context


def _trust_file(context: ssl.SSLContext, path: Path, section: str) -> None:
    _readable(f"{section}.ca_file", path)
    try:
        context.load_verify_locations(cafile=path)
    except OSError as error:
        raise TLSConfigError(
            f"`{section}.ca_file` {str(path)!r} holds no certificates ({_short(error)}). "
            "Give a PEM file with the certificates of authorities."
        ) from error


def _trust_data(context: ssl.SSLContext, text: str, section: str) -> None:
    try:
        context.load_verify_locations(cadata=text)
    except (OSError, TypeError, ValueError) as error:
        raise TLSConfigError(
            f"`{section}.ca_data` holds no certificates ({_short(error)}). "
            "Give PEM text, with its BEGIN and END lines."
        ) from error


def _show_certificate(
    context: ssl.SSLContext, config: TLSConfig, path: Path, section: str
) -> None:
    key = config.client_key_file
    _readable(f"{section}.client_cert_file", path)
    if key is not None:
        _readable(f"{section}.client_key_file", key)
    encrypted = False

    def password() -> str:
        # Without a function, OpenSSL asks on the terminal, and the start hangs.
        nonlocal encrypted
        encrypted = True
        given = config.client_key_password
        return given.get_secret_value() if given else ""

    try:
        context.load_cert_chain(path, key, password)
    except (OSError, ValueError) as error:
        where = f"{str(path)!r}" if key is None else f"{str(path)!r} with {str(key)!r}"
        way_out = (
            f"The key is encrypted: check `{section}.client_key_password`."
            if encrypted
            else "Give PEM files with a certificate and the key that belongs to it."
        )
        raise TLSConfigError(
            f"The client certificate {where} cannot be used ({_short(error)}). {way_out}"
        ) from error


def _readable(name: str, path: Path) -> None:
    """Fail with the name of the file, which OpenSSL leaves out."""
    try:
        with path.open("rb"):
            pass
    except OSError as error:
        raise TLSConfigError(
            f"`{name}` {str(path)!r} cannot be read: {error.strerror}. "
            "Give the path of a file that this process may read."
        ) from error


def _short(error: Exception) -> str:
    reason = getattr(error, "reason", None) or str(error)
    return str(reason).lower().replace("_", " ").rstrip(".")


def _digest(pin: str) -> str:
    digest = pin.lower().removeprefix("sha256:").replace(":", "").strip()
    try:
        valid = len(bytes.fromhex(digest)) * 2 == len(digest) == _SHA256_DIGITS
    except ValueError:
        valid = False
    if not valid:
        raise ValueError(
            f"{pin!r} is no SHA-256 fingerprint. Give its {_SHA256_DIGITS} hexadecimal "
            "digits, as `openssl x509 -noout -fingerprint -sha256` prints them."
        )
    return digest
