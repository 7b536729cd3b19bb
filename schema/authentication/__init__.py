"""GraphQL of `users.authentication`."""
