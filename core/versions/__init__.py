"""Versions of what answers depend on, kept by PostgreSQL.

An *entity* is a user, an organisation, what one user has written, or something that there is once,
such as the groups. Its key is a UUID, and its *version* a number that changes in the transaction of
any change to it. A change *touches* the
entity: triggers do so, hence no writer has to. Versions never repeat, so a cached answer whose key
has the versions of its entities cannot be stale. See "Versions are kept by triggers" in
docs/decisions.md.
"""
