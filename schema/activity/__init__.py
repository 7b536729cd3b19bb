"""GraphQL of `users.activity`."""
