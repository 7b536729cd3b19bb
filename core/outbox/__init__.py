"""Transactional outbox: messages as durable as the rows that they belong to.

`publish` writes one message per subscriber in the caller's transaction and dispatches it to
Celery after the commit. A worker claims a message for a lease, runs the subscriber and deletes the
message. If the broker loses its data or a worker is killed, the message is still a row, and
`relay` dispatches it again when its lease expires.
"""
