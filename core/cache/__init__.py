"""Caches that web servers and workers share."""
