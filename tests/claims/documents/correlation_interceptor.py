from lexigram.contracts.web import InterceptorProtocol

class CorrelationInterceptor(InterceptorProtocol):
    async def intercept_request(self, context):
        context.headers.setdefault("X-Correlation-Id", current_correlation_id())
        return context

    async def intercept_response(self, response):
        return response
