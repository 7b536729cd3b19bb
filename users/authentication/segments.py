"""Segments of users by client."""

from collections.abc import Sequence
from typing import Final

from users.activity.analytics import OTHERS, AnalyticsDimension
from users.activity.segments import Occurrence, register_segments
from users.authentication.sessions.user_agents import read_user_agent

# The client chooses its name.
MAX_LENGTH: Final = 40


@register_segments(AnalyticsDimension.CLIENT)
def _clients(occurrences: Sequence[Occurrence]) -> list[str]:
    return [(_browser(each.user_agent) or OTHERS)[:MAX_LENGTH] for each in occurrences]


def _browser(user_agent: str) -> str | None:
    return read_user_agent(user_agent).browser if user_agent else None
