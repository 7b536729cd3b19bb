"""Completion of columns of values, and the bounds of an answer."""
