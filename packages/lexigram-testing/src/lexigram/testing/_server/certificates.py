"""Certificates for a server on this machine, good ones and bad ones."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias, get_args
from weakref import WeakKeyDictionary

if TYPE_CHECKING:
    from trustme import CA, LeafCert

__all__ = ["CertificateKind", "Certificates", "kind_of"]

CertificateKind: TypeAlias = Literal["trusted", "untrusted", "wrong_host", "expired"]
"""What a client that verifies makes of a certificate."""

_NAMES: Final = ("127.0.0.1", "::1", "localhost")
# Any period in the past will do; years beyond 2000 need no other encoding.
_FROM: Final = datetime(2001, 1, 1, tzinfo=UTC)
_UNTIL: Final = datetime(2002, 1, 1, tzinfo=UTC)


def kind_of(tls: object) -> CertificateKind | None:
    """Return which certificate `tls=` asks for; None for no TLS.

    Raises:
        ValueError: There is no such kind.
    """
    if tls is True:
        return "trusted"
    if tls is False:
        return None
    for kind in get_args(CertificateKind):
        if tls == kind:
            return kind  # type: ignore[no-any-return]  # one of the literals
    kinds = ", ".join(map(repr, get_args(CertificateKind)))
    raise ValueError(f"{tls=!r} is unknown. Use a bool or one of {kinds}.")


class Certificates:
    """An authority of one server, and what it has certified.

    Raises:
        ModuleNotFoundError: `trustme`, which makes the certificates, is not installed.
    """

    def __init__(self) -> None:
        self._authority = _new_authority()
        self._contexts: dict[str, ssl.SSLContext] = {}
        self._names: WeakKeyDictionary[ssl.SSLObject, str | None] = WeakKeyDictionary()

    @property
    def ca_pem(self) -> bytes:
        """The certificate of the authority, for a client to trust."""
        return self._authority.cert_pem.bytes()

    def context(self, kind: str) -> ssl.SSLContext:
        """Return the server's side of a handshake with this kind of certificate."""
        if kind not in self._contexts:
            self._contexts[kind] = self._new_context(kind)
        return self._contexts[kind]

    def name_asked_of(self, session: ssl.SSLObject) -> str | None:
        """Return the server name (SNI) of a handshake."""
        return self._names.get(session)

    def _new_context(self, kind: str) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.set_alpn_protocols(["http/1.1"])
        context.sni_callback = self._keep_name
        # Annotated for contexts of a library that need not be here, too.
        issued: Any = self._issue(kind)
        issued.configure_cert(context)
        return context

    def _issue(self, kind: str) -> LeafCert:
        match kind:
            case "untrusted":
                return _new_authority().issue_cert(*_NAMES)
            case "wrong_host":
                return self._authority.issue_cert("other.test")
            case "expired":
                return self._authority.issue_cert(
                    *_NAMES, not_before=_FROM, not_after=_UNTIL
                )
            case _:
                return self._authority.issue_cert(*_NAMES)

    def _keep_name(self, session: Any, name: str | None, _: ssl.SSLContext) -> None:
        self._names[session] = name


def _new_authority() -> CA:
    try:
        import trustme  # noqa: PLC0415 - an extra; needs `cryptography`
    except ImportError as error:
        raise ModuleNotFoundError(
            "A server with TLS needs `trustme` for its certificates. "
            'Install it: pip install "lexigram-testing[tls]".'
        ) from error
    return trustme.CA()
