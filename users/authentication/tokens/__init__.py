"""The format of API tokens."""
