"""The types an interceptor is written with, under the path the guide uses."""

from lexigram.contracts.web import (
    Proceed,
    RequestContext,
    RequestOptions,
    ResponseContext,
)

__all__ = ["Proceed", "RequestContext", "RequestOptions", "ResponseContext"]
