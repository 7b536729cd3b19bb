"""The tasks that run every few seconds, mostly to find nothing to do."""

from typing import Final

# By name; a run that took less than `LOUD_SECONDS` is not logged.
quiet_tasks: Final[set[str]] = set()
LOUD_SECONDS: Final = 1.0
