"""Sending an upstream no more than it bears, as its answers show."""
