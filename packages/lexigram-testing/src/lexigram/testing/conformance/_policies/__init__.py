"""What the contracts of `lexigram.contracts.resilience` ask of a policy."""
