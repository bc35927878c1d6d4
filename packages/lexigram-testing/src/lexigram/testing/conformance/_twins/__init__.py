"""Two implementations, one course of events."""
