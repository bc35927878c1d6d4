"""Limits of time: on a call with all that belongs to it, and on each attempt."""
