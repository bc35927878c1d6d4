"""The types an interceptor is written with, under the path the guide uses."""

from lexigram.contracts.web import RequestContext, RequestOptions, ResponseContext

__all__ = ["RequestContext", "RequestOptions", "ResponseContext"]
