"""Django's settings for Roster without sign-in: whoever asks is taken for one of the staff.

What it costs to find out who asks is the difference to Roster as deployed; what they may see is
decided as ever.
"""

from core.settings import *  # noqa: F403 - all but the one view

OPERATION_VIEW = "bench.peers.unsigned_view.operation"
