"""GraphQL of `users.jobs`."""
