"""What operators see of the policies: metrics and health."""
