"""Hedging: another attempt beside one that takes long."""
