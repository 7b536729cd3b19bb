"""The engine that executes operations, compared with the specification and with graphql-core."""
