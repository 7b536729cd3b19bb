"""Django's backend for PostgreSQL, which does not take an unreplicated commit for a success."""
