"""What several processes share, on a Redis or Valkey server.

Nothing here imports redis until a store is used.
"""
