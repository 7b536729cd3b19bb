"""GraphQL of `users.exports`."""
