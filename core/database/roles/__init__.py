"""PostgreSQL's two roles: the owner migrates the tables, the service uses them."""
