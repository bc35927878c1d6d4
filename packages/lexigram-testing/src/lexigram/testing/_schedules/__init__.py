"""What an upstream does over a while, as a value."""
