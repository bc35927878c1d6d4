from lexigram.http import InterceptorProtocol
from lexigram.http.types import RequestContext, ResponseContext

class LoggingInterceptor:
    async def intercept_request(self, ctx: RequestContext) -> RequestContext:
        logger.info("http_request", method=ctx.method, url=ctx.url)
        return ctx

    async def intercept_response(self, ctx: ResponseContext) -> ResponseContext:
        logger.info("http_response", status=ctx.status, duration=ctx.duration)
        return ctx
