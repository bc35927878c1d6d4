# mypy: ignore-errors
"""Mistakes with the sections of the configuration."""

from lexigram.http import EgressConfig, HTTPClient, HTTPClientConfig, TLSConfig
from lexigram.resilience import StoreConfig

HTTPClientConfig(proxy=3128)  # error: arg-type | reportArgumentType
HTTPClientConfig(retry_statuses="503")  # error: arg-type | reportArgumentType
HTTPClientConfig(retry_statuses=["503"])  # error: list-item | reportArgumentType
HTTPClientConfig(retries=3)  # error: call-arg | reportCallIssue
TLSConfig(ca_file=b"/etc/partner/ca.pem")  # error: arg-type | reportArgumentType
TLSConfig(pins="one pin is no list of pins")  # error: arg-type | reportArgumentType
EgressConfig(allow_hosts="api.test")  # error: arg-type | reportArgumentType
EgressConfig(allow_schemes=["ftp"])  # error: list-item | reportArgumentType
StoreConfig()  # error: call-arg | reportCallIssue
StoreConfig(url=None)  # error: arg-type | reportArgumentType
HTTPClient({"proxy": "http://proxy.test"})  # error: arg-type | reportArgumentType


def a_proxy_may_be_missing(http: HTTPClientConfig) -> None:
    http.proxy.get_secret_value()  # error: union-attr | reportOptionalMemberAccess
