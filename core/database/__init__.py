"""PostgreSQL: keys, batches, append-only tables, search and roles."""
