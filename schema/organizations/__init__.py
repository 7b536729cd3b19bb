"""GraphQL of `users.organizations`."""
