"""The inputs, the enums and the results of the documented operations."""

from roster_client.generated import *  # noqa: F403
