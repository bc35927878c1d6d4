"""The outbound HTTP client on aiohttp."""
