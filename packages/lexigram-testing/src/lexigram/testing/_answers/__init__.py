"""What can happen to a request: replies and faults, as values."""
