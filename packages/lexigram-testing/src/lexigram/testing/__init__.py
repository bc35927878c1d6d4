"""Fakes, a fault-injecting server and recorders for tests."""
