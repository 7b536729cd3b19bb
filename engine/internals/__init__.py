"""Private names of psycopg, graphql-core and Strawberry, one module per library."""
