"""TLS with nginx: which protocol, which certificates."""

from pathlib import Path
from typing import Any

import pytest
import trustme

from lexigram.contracts.web import (
    HTTPConnectionError,
    HTTPRedirectError,
    HTTPStatusError,
)
from lexigram.http import HTTPClient, HTTPClientConfig
from programs import Program


def client_with(authority: trustme.CA, **tls: Any) -> HTTPClient:
    trusted = authority.cert_pem.bytes().decode()
    return HTTPClient(
        HTTPClientConfig.model_validate({"tls": {"ca_data": trusted, **tls}})
    )


@pytest.mark.parametrize(
    ("port", "protocol"), [("tls", "HTTP/1.1 TLSv1.3"), ("tls12", "HTTP/1.1 TLSv1.2")]
)
async def test_a_file_arrives_over_one_connection(
    nginx: Program, authority: trustme.CA, site: Path, port: str, protocol: str
) -> None:
    url = nginx.url(port, "/text.txt", scheme="https")
    async with client_with(authority) as client:
        answers = [(await client.get(url)).unwrap() for _ in range(3)]
    assert answers[-1].body == (site / "text.txt").read_bytes()
    assert answers[-1].headers["x-protocol"] == protocol
    assert [answer.headers["x-request"] for answer in answers] == ["1", "2", "3"]


async def test_an_authority_that_is_not_trusted_is_told(nginx: Program) -> None:
    async with HTTPClient() as client:
        url = nginx.url("tls", "/text.txt", scheme="https")
        error = (await client.get(url)).unwrap_err()
    assert isinstance(error, HTTPConnectionError)
    assert (error.failure, error.request_sent, error.attempts) == ("tls", "no", 1)


async def test_a_version_that_the_server_does_not_speak_is_told(
    nginx: Program, authority: trustme.CA
) -> None:
    async with client_with(authority, minimum_version="1.3") as client:
        url = nginx.url("tls12", "/text.txt", scheme="https")
        error = (await client.get(url)).unwrap_err()
    assert isinstance(error, HTTPConnectionError)
    assert (error.failure, error.request_sent) == ("tls", "no")


async def test_the_certificate_of_a_client_is_shown(
    nginx: Program, authority: trustme.CA, tmp_path: Path
) -> None:
    shown = tmp_path / "client.pem"
    leaf = authority.issue_cert("billing.test", common_name="billing")
    leaf.private_key_and_cert_chain_pem.write_to_path(shown)
    url = nginx.url("mutual", "/name", scheme="https")
    async with client_with(authority, client_cert_file=shown) as client:
        response = (await client.get(url)).unwrap()
    assert "CN=billing" in response.text


@pytest.mark.parametrize("known", [True, False])
async def test_without_the_right_certificate_nginx_answers_400(
    nginx: Program, authority: trustme.CA, tmp_path: Path, *, known: bool
) -> None:
    options = {}
    if not known:
        stranger = trustme.CA().issue_cert("billing.test")
        shown = tmp_path / "client.pem"
        stranger.private_key_and_cert_chain_pem.write_to_path(shown)
        options["client_cert_file"] = shown
    async with client_with(authority, **options) as client:
        url = nginx.url("mutual", "/name", scheme="https")
        error = (await client.get(url)).unwrap_err()
    assert isinstance(error, HTTPStatusError)
    assert (error.status, error.attempts) == (400, 1)
    assert "certificate" in error.response.text


async def test_plain_http_to_the_port_for_tls_is_answered(nginx: Program) -> None:
    async with HTTPClient() as client:
        error = (await client.get(nginx.url("tls", "/text.txt"))).unwrap_err()
    assert isinstance(error, HTTPStatusError)
    assert error.status == 400


async def test_tls_to_a_port_for_plain_http_is_told(nginx: Program) -> None:
    async with HTTPClient() as client:
        url = nginx.url("plain", "/number", scheme="https")
        error = (await client.get(url)).unwrap_err()
    assert isinstance(error, HTTPConnectionError)
    assert (error.failure, error.request_sent) == ("tls", "no")


async def test_a_redirect_from_https_to_http_is_refused(
    nginx: Program, authority: trustme.CA
) -> None:
    async with client_with(authority) as client:
        url = nginx.url("tls", "/unsafe", scheme="https")
        error = (await client.get(url)).unwrap_err()
    assert isinstance(error, HTTPRedirectError)
