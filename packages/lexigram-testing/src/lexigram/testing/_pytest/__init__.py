"""What the pytest plugin does, loaded when a test asks for it."""
