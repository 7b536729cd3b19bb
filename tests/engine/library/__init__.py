"""A library of authors, books and loans: a schema that knows nothing of the service."""
