"""GraphQL of `users.imports`."""
