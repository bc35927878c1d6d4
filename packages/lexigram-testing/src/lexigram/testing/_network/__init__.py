"""A guard against tests that reach for the network."""
