"""Requests, the journal of them, and how both are shown."""
