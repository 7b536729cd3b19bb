"""Roster without authentication, to measure the cost of authentication."""

from uuid import UUID

from bench.contestants import Question
from bench.dataset import Dataset
from bench.peers.roster import Roster


class UnsignedRoster(Roster):
    """Roster as deployed, but without authentication."""

    name = "roster-unsigned"
    title = "Roster, not signed in"
    absent = {  # noqa: RUF012 - a ClassVar of the base
        "session": "needs a signed-in user",
        "write": "needs a signed-in user",
        "log_in": "has no sign-in",
        "create_user": "needs a signed-in user",
        "refresh": "has no sign-in",
        "analytics": "needs a signed-in user",
        "unchanged": "needs a signed-in user",
    }

    def __init__(self, dataset: Dataset, *, furthest: int, writers: list[UUID]) -> None:  # noqa: ARG002
        """Take the position of the furthest page."""
        super(Roster, self).__init__(dataset)
        self.furthest = furthest
        self.staff = "unused"

    def environment(self) -> dict[str, str]:
        """Return the settings of production with another view."""
        return super().environment() | {"DJANGO_SETTINGS_MODULE": "bench.peers.unsigned_settings"}

    def questions(self) -> dict[str, Question]:
        """Return all questions that read."""
        everything = super().questions()
        return {name: each for name, each in everything.items() if name not in self.absent}
