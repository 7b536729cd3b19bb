"""Rate limits on attempts, shared by all pods.

Services use `core.ratelimit.limits`. Attempts are counted in Redis and, while Redis fails, in
PostgreSQL. The stores do not share counts, so the fallback starts with empty buckets, and a
client gets at most twice a limit unless Redis loses its data. There is no second fallback: if both
fail, the attempt fails with the database's error.
"""
