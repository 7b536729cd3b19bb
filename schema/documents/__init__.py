"""Documents before and during execution: validation, limits on their size, and what they cost."""
