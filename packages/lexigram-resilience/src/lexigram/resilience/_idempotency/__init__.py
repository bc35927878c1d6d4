"""Doing something once, whoever is told to do it."""
