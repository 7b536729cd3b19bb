"""GraphQL over HTTP: from a request to an answer, and what bounds it."""
