"""Interceptors that are ready to use, and the chain that an application registers.

What is a credential (`BearerAuth`, `BasicAuth`, `TokenRefresh`, `RequestSigning`, and
`DefaultHeaders` with an origin) belongs to one origin. It is added to each attempt on its
own, so that neither the interceptors of the call nor a redirect ever hold it.
"""

from lexigram.http.interceptors.chain import InterceptorChain
from lexigram.http.interceptors.correlation import CorrelationId
from lexigram.http.interceptors.credentials import BasicAuth, BearerAuth
from lexigram.http.interceptors.default_headers import DefaultHeaders
from lexigram.http.interceptors.idempotency import IdempotencyKey
from lexigram.http.interceptors.signing import RequestSigning
from lexigram.http.interceptors.token_refresh import (
    AccessToken,
    TokenRefresh,
    TokenRefreshError,
)

__all__ = [
    "AccessToken",
    "BasicAuth",
    "BearerAuth",
    "CorrelationId",
    "DefaultHeaders",
    "IdempotencyKey",
    "InterceptorChain",
    "RequestSigning",
    "TokenRefresh",
    "TokenRefreshError",
]
