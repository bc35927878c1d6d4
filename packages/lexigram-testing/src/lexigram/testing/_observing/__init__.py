"""Recorders of what the code under test emits."""
