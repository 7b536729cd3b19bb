"""The GraphQL API: types, queries, mutations and HTTP."""
