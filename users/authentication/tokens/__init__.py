"""API tokens: their format."""
