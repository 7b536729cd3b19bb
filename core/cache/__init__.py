"""Caches that web servers and workers share."""

from core.cache.versioned import get_or_compute_many

__all__ = ["get_or_compute_many"]
