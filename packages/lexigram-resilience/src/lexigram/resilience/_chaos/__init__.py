"""Disturbing calls on purpose, to see what the other policies make of it."""
