"""Routes: which request gets which answer, and what is said when none does."""
