"""Private names of Django, psycopg, graphql-core and Strawberry, one module per library."""
