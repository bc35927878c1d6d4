"""Not asking an upstream that keeps failing."""
