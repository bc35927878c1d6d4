"""What the policies tell of themselves, and who listens."""
