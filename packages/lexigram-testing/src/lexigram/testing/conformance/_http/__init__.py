"""What `HTTPClientProtocol` asks of a client, group by group."""
