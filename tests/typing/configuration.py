"""Sections take what they convert, and are read as what they keep."""

from pathlib import Path
from typing import Literal, assert_type

from pydantic import SecretStr

from lexigram.http import EgressConfig, HTTPClientConfig, TLSConfig
from lexigram.http.config import ProxyURL
from lexigram.logging import LoggingConfig
from lexigram.otel import OTelConfig
from lexigram.resilience import ResilienceConfig, StoreConfig

PEM = "/etc/partner/ca.pem"


def fields_take_what_they_convert() -> None:
    HTTPClientConfig(proxy="http://proxy.test:3128", retry_statuses=[429, 503])
    HTTPClientConfig(proxy=ProxyURL("http://proxy.test:3128"), retry_statuses={503})
    HTTPClientConfig(proxy=None, retry_statuses=range(500, 600))
    HTTPClientConfig(tls_policies={"bank": TLSConfig(ca_file=PEM, pins=["ab" * 32])})
    TLSConfig(ca_file=Path(PEM), client_cert_file=PEM, client_key_file=PEM)
    TLSConfig(client_cert_file=PEM, client_key_password="pw", pins=("ab" * 32,))
    TLSConfig(client_cert_file=PEM, client_key_password=SecretStr("pw"))
    EgressConfig(addresses="listed", allow_networks=["10.0.0.0/8"], deny_hosts={"x.y"})
    EgressConfig(allow_ports=[443], deny_ports=range(1, 80), allow_schemes=["https"])
    EgressConfig(allow_hosts=(), deny_networks=frozenset({"10.0.0.0/8"}))
    ResilienceConfig(store=StoreConfig(url="rediss://limits.test", ca_file=PEM))
    StoreConfig(url=SecretStr("redis://limits.test"), password="pw", ca_file=None)
    OTelConfig(propagate_to=["https://api.test"], shown_query_keys={"page"})
    LoggingConfig(shown=["prompt_tokens"])


def they_are_read_as_what_they_keep(
    client: HTTPClientConfig, tls: TLSConfig, egress: EgressConfig, store: StoreConfig
) -> None:
    assert_type(client.proxy, ProxyURL | None)
    assert_type(client.retry_statuses, frozenset[int])
    assert_type(tls.ca_file, Path | None)
    assert_type(tls.client_key_password, SecretStr | None)
    assert_type(tls.pins, tuple[str, ...])
    assert_type(egress.allow_hosts, tuple[str, ...])
    assert_type(egress.allow_ports, frozenset[int])
    assert_type(egress.allow_schemes, frozenset[Literal["http", "https"]])
    assert_type(store.url, SecretStr)
    assert_type(store.ca_file, Path | None)


def they_are_in_the_core_as_well(otel: OTelConfig, logging: LoggingConfig) -> None:
    assert_type(otel.propagate_to, tuple[str, ...] | None)
    assert_type(otel.shown_query_keys, frozenset[str])
    assert_type(logging.shown, frozenset[str])


def what_is_left_out_has_a_default() -> None:
    assert_type(HTTPClientConfig().proxy, ProxyURL | None)
    assert_type(TLSConfig().pins, tuple[str, ...])
    assert_type(StoreConfig(url="redis://limits.test").password, SecretStr | None)
