"""Trying again: when, how often, how far apart."""
