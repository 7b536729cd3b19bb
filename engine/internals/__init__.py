"""Private names of psycopg, graphql-core and Strawberry, and how Django keeps connections."""
