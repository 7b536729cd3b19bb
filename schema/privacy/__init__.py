"""Privacy in GraphQL: deleting accounts, and what is kept about people."""
