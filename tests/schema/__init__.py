"""Tests of the GraphQL API as a whole."""
