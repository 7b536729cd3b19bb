"""HTTP: middleware, the fast path, and helpers for all requests."""
