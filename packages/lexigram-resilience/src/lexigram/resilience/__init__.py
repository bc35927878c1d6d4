"""Policies: retry, circuit breaker and pipelines of them."""
