"""Roster without sign-in, to tell what sign-in costs."""

from uuid import UUID

from bench.contestants import Question
from bench.dataset import Dataset
from bench.peers.roster import Roster


class UnsignedRoster(Roster):
    """Roster as deployed, but that it does not ask who asks."""

    name = "roster-unsigned"
    title = "Roster, not signed in"
    absent = {  # noqa: RUF012 - a ClassVar of the base
        "write": "needs somebody whose profile it is",
        "log_in": "signs nobody in",
    }

    def __init__(self, dataset: Dataset, *, furthest: int, writers: list[UUID]) -> None:  # noqa: ARG002
        """Take the place of the furthest page to ask for."""
        super(Roster, self).__init__(dataset)
        self.furthest = furthest
        self.staff = "nobody looks at this"

    def environment(self) -> dict[str, str]:
        """Run with the settings of production, but for the middleware."""
        return super().environment() | {"DJANGO_SETTINGS_MODULE": "bench.peers.unsigned_settings"}

    def questions(self) -> dict[str, Question]:
        """All that can be read."""
        everything = super().questions()
        return {name: each for name, each in everything.items() if name not in self.absent}
