"""PostgreSQL: primary keys, batches, append-only tables, search and roles."""
