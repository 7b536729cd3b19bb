"""Transactional outbox: work that is as durable as the rows it belongs to.

`publish` writes one message per subscriber in the caller's transaction and, after the commit,
asks Celery to hurry. A worker claims a message for a lease, runs the subscriber and removes
the message. Whatever goes wrong in between (a broker that lost everything, a worker killed
half-way), the message is still a row, and `relay` sends it out again when its lease is over.
"""
