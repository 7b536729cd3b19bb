"""Django's settings for Roster without authentication: all clients are staff.

The difference to Roster as deployed is the cost of authentication; authorisation stays the same.
"""

from core.settings import *  # noqa: F403 - all settings but the view

OPERATION_VIEW = "bench.peers.unsigned_view.operation"
