"""Letting calls in: so many a second, so many at once."""
