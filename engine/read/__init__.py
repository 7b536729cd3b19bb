"""From querysets to columns of objects."""
