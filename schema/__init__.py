"""The GraphQL API: types over the models, one mutation per service, HTTP in and out."""
