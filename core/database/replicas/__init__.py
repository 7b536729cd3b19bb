"""Read replicas: queries are executed by a replica that shows what the requester has written.

See "Replicas prove that they are fresh" in docs/decisions.md.
"""
