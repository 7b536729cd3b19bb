"""Two roles of PostgreSQL: the owner of the tables migrates them, the service only uses them."""
