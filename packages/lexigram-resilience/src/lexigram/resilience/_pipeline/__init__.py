"""Policies composed in the order that is right."""
