"""Which ways of failing the code under test has met."""
