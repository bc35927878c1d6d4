"""What is wrong with a certificate or a handshake, in words and for programs."""

from __future__ import annotations

import ssl
from typing import Final

from lexigram.contracts.web import TLSReason
from lexigram.http.tls import PinMismatchError

# https://docs.openssl.org/3.0/man3/X509_STORE_CTX_get_error/#error-codes
_BY_VERIFY_CODE: Final[dict[int, TLSReason]] = {
    2: "unknown_issuer",
    9: "not_yet_valid",
    10: "expired",
    18: "unknown_issuer",
    19: "unknown_issuer",
    20: "unknown_issuer",
    21: "unknown_issuer",
    23: "revoked",
    62: "wrong_host",
    64: "wrong_host",
}

# Parts of OpenSSL's names of reasons, which differ between versions and ends.
_BY_NAME: Final[dict[str, TLSReason]] = {
    "CERTIFICATE_REQUIRED": "client_certificate",
    "ALERT_BAD_CERTIFICATE": "client_certificate",
    "ALERT_UNKNOWN_CA": "client_certificate",
    "ALERT_CERTIFICATE": "client_certificate",
    "ALERT_HANDSHAKE_FAILURE": "refused",
    "UNSUPPORTED_PROTOCOL": "version",
    "PROTOCOL_VERSION": "version",
    "WRONG_VERSION_NUMBER": "not_tls",
    "HTTP_REQUEST": "not_tls",
    "PACKET_LENGTH_TOO_LONG": "not_tls",
    "RECORD_LAYER_FAILURE": "not_tls",
}

_SENTENCES: Final[dict[TLSReason, str]] = {
    "expired": (
        "the certificate has expired. It has to be renewed at the server, unless the "
        "clock of this machine is wrong"
    ),
    "not_yet_valid": (
        "the certificate is not valid yet. Check the clock of this machine, "
        "then the certificate"
    ),
    "wrong_host": (
        "the certificate is for another host ({what}). "
        "Call the server by a name that its certificate holds"
    ),
    "unknown_issuer": (
        "nobody who is trusted issued the certificate ({what}). If it is right, name "
        "its authority with `tls.ca_file`, or use `tls.trust: system`"
    ),
    "revoked": "the certificate was revoked. The server needs a new one",
    "pin_mismatch": (
        "a {what} is not among `tls.pins`. "
        "Add it there if the server has a new one, and be warned if it has not"
    ),
    "certificate": "the certificate is not accepted ({what})",
    "client_certificate": (
        "the server does not accept the client's certificate, or wants one ({what}). "
        "`tls.client_cert_file` names it"
    ),
    "version": (
        "there is no common version of TLS ({what}). "
        "`tls.minimum_version` says the oldest one here"
    ),
    "not_tls": "the other end does not speak TLS on this port ({what})",
    "refused": (
        "the server refused it ({what}). It may want a certificate of the client, "
        "which `tls.client_cert_file` names"
    ),
    "handshake": "{what}",
}

# A server that restarts, and a connection that was cut.
_PASSING: Final = frozenset({"not_tls", "handshake"})


def reason_of(error: ssl.SSLError) -> TLSReason:
    """Tell failures of TLS apart."""
    if isinstance(error, PinMismatchError):
        return "pin_mismatch"
    if isinstance(error, ssl.SSLCertVerificationError):
        code = getattr(error, "verify_code", 0)
        return _BY_VERIFY_CODE.get(code, "certificate")
    name = _name(error)
    for part, reason in _BY_NAME.items():
        if part in name:
            return reason
    return "handshake"


def may_pass(error: ssl.SSLError) -> bool:
    """Say whether the same handshake may succeed later."""
    return reason_of(error) in _PASSING


def explain(error: ssl.SSLError) -> str:
    """Say what is wrong and what to do, in sentences without the last full stop."""
    reason = reason_of(error)
    return _SENTENCES[reason].format(what=_what(error))


def _what(error: ssl.SSLError) -> str:
    verified = getattr(error, "verify_message", None)
    if verified:
        return str(verified).rstrip(".")
    if isinstance(error, PinMismatchError):
        return str(error.args[0])
    if _name(error):
        return _name(error).replace("_", " ").lower()
    return (error.strerror or str(error)).rstrip(".")


def _name(error: ssl.SSLError) -> str:
    # Only errors of OpenSSL itself have the attribute.
    return getattr(error, "reason", None) or ""
