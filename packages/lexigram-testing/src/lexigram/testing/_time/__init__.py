"""Time that passes only when a test lets it."""
