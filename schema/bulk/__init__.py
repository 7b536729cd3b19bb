"""GraphQL of `users.bulk`."""
