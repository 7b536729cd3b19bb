"""GraphQL of `users.accounts`."""
