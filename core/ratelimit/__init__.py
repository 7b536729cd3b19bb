"""Throttles that all pods share: how often somebody may try something.

`core.ratelimit.limits` is what services use. Redis counts. While it fails, PostgreSQL counts
instead. Neither learns what the other counted, so a fall-back begins with empty buckets, and
with both together nobody gets more than twice a limit, unless Redis loses its data. There is
no third resort: without both, the attempt fails with the database's error.
"""
