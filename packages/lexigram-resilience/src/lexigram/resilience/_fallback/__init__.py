"""Answering in the place of an operation that failed."""
