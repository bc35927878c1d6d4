"""Outbound HTTP as a service sees it: the client, its values, its errors."""

from lexigram.contracts.web._building import (
    build_failure,
    build_request,
    build_response,
    build_result,
    check_request,
)
from lexigram.contracts.web._client import HTTPClientProtocol, MissingVerbError
from lexigram.contracts.web._content import BodyStream, ContentSource
from lexigram.contracts.web._contexts import RequestContext, ResponseContext
from lexigram.contracts.web._errors import (
    RETRYABLE_STATUSES,
    ConnectionFailure,
    HTTPBlockedError,
    HTTPCircuitOpenError,
    HTTPClientError,
    HTTPClientStateError,
    HTTPConnectionError,
    HTTPDecodeError,
    HTTPInvalidRequestError,
    HTTPRedirectError,
    HTTPRejectedError,
    HTTPResponseTooLargeError,
    HTTPRetryExhaustedError,
    HTTPStatusError,
    HTTPTimeoutError,
    HTTPTooManyRedirectsError,
    HTTPUnknownOptionError,
    RequestSent,
    TimeoutPhase,
    TLSReason,
)
from lexigram.contracts.web._headers import Headers, HeaderSource, MutableHeaders
from lexigram.contracts.web._interceptors import (
    AroundInterceptorProtocol,
    InterceptorChainProtocol,
    InterceptorProtocol,
    Proceed,
)
from lexigram.contracts.web._json import JSONArray, JSONObject
from lexigram.contracts.web._multipart import FilePart
from lexigram.contracts.web._options import ParamValue, RequestOptions
from lexigram.contracts.web._response import HttpResponse
from lexigram.contracts.web._streaming import (
    ResponseStreamProtocol,
    StreamingHTTPClientProtocol,
)
from lexigram.contracts.web._timeline import AttemptRecord, format_timeline
from lexigram.contracts.web._timeouts import Timeouts
from lexigram.contracts.web._urls import check_url, usable_url

__all__ = [
    "RETRYABLE_STATUSES",
    "AroundInterceptorProtocol",
    "AttemptRecord",
    "BodyStream",
    "ConnectionFailure",
    "ContentSource",
    "FilePart",
    "HTTPBlockedError",
    "HTTPCircuitOpenError",
    "HTTPClientError",
    "HTTPClientProtocol",
    "HTTPClientStateError",
    "HTTPConnectionError",
    "HTTPDecodeError",
    "HTTPInvalidRequestError",
    "HTTPRedirectError",
    "HTTPRejectedError",
    "HTTPResponseTooLargeError",
    "HTTPRetryExhaustedError",
    "HTTPStatusError",
    "HTTPTimeoutError",
    "HTTPTooManyRedirectsError",
    "HTTPUnknownOptionError",
    "HeaderSource",
    "Headers",
    "HttpResponse",
    "InterceptorChainProtocol",
    "InterceptorProtocol",
    "JSONArray",
    "JSONObject",
    "MissingVerbError",
    "MutableHeaders",
    "ParamValue",
    "Proceed",
    "RequestContext",
    "RequestOptions",
    "RequestSent",
    "ResponseContext",
    "ResponseStreamProtocol",
    "StreamingHTTPClientProtocol",
    "TLSReason",
    "TimeoutPhase",
    "Timeouts",
    "build_failure",
    "build_request",
    "build_response",
    "build_result",
    "check_request",
    "check_url",
    "format_timeline",
    "usable_url",
]
