"""Roster with its cache of answers, as deployed."""

from typing import Final

from bench.contestants import Question
from bench.peers.roster import Roster

# Of pages, searches and counts, which depend on all users.
MAX_AGE: Final = 60
NOT_CACHED: Final = "answers are not cached"


class CachedRoster(Roster):
    """Roster as deployed, answering the same requests again."""

    name = "roster-cached"
    title = "Roster, cached"
    absent = dict.fromkeys(
        ("typename", "log_in", "create_user", "refresh"),
        NOT_CACHED,
    )

    def environment(self) -> dict[str, str]:
        """Return the settings of production."""
        environ = super().environment()
        del environ["ANSWER_CACHE_MB"]
        return environ

    def questions(self) -> dict[str, Question]:
        """Return the questions whose answers are cached, and the one that changes them."""
        return {k: each for k, each in super().questions().items() if k not in self.absent}

    def _headers(self, token: str) -> dict[str, str]:
        """Accept answers of a certain age where they are not versioned."""
        return super()._headers(token) | {"Cache-Control": f"max-age={MAX_AGE}"}
