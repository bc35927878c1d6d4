"""What can be configured, its defaults and its bounds: a module for each policy."""
