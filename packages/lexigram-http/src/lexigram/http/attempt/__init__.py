"""One exchange on the wire, and what its failures are called.

Beside the pool this is the only part that knows aiohttp: a request goes in and a
response or an `HTTPClientError` comes out. In the order of an exchange: `plan` (what it
is made with), `exchange`, `sending`, `receiving`, `failures`.
"""
