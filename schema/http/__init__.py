"""GraphQL over HTTP: requests, responses and limits."""
