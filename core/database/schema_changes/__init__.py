"""Migrations that hold up no request, and can be run again after being cut anywhere."""
