"""Django's backend for PostgreSQL, with time-outs of requests and checked commits."""
