"""Roster with its cache of answers, as deployed."""

from typing import Final

from bench.contestants import Question
from bench.peers.roster import Roster

# Answers of the others are not cached.
CACHED: Final = frozenset({"session", "point", "organization"})
NOT_CACHED: Final = "answers are not cached"


class CachedRoster(Roster):
    """Roster as deployed, answering the same requests again."""

    name = "roster-cached"
    title = "Roster, cached"
    absent = dict.fromkeys(
        ("typename", "page", "search", "count", "write", "log_in", "create_user", "refresh"),
        NOT_CACHED,
    )

    def environment(self) -> dict[str, str]:
        """Return the settings of production."""
        environ = super().environment()
        del environ["ANSWER_CACHE_MB"]
        return environ

    def questions(self) -> dict[str, Question]:
        """Return the questions whose answers are cached."""
        return {name: each for name, each in super().questions().items() if name in CACHED}
