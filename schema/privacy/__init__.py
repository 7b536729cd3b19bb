"""GraphQL of `users.privacy`."""
