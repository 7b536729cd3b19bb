"""GraphQL of `users.webhooks`."""
