"""The cache that web servers share, and computations that threads share."""
