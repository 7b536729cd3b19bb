"""Generated organisations, each founded by a generated user."""

import random
from dataclasses import dataclass
from typing import Final

from users.demo import names
from users.demo.rows import id_at

DAY: Final = 24 * 60 * 60
# The first user joined as long ago, in seconds.
HISTORY: Final = 730 * DAY


@dataclass(frozen=True, slots=True)
class GeneratedOrganization:
    """An organisation, the number of the user who founded it, and when, in seconds."""

    id: str
    name: str
    founder: int
    founded: float


def generate_organizations(count: int, *, users: int, now: float) -> list[GeneratedOrganization]:
    """Return organisations with founders at even distances; one founds two if users are few.

    They are founded before the next user joins.
    """
    rng = random.Random(2026)  # noqa: S311 - reproducible data, not a secret
    organizations = []
    for number in range(count if users else 0):
        # The first user of whom (user + 1) * count // users is greater than the number.
        founder = -(-(number + 1) * users // count) - 1
        founded = now - HISTORY * (1 - (founder + 1) / users)
        name = f"{rng.choice(names.PLACES)} {rng.choice(names.TRADES)}"
        organizations.append(GeneratedOrganization(id_at(founded, rng), name, founder, founded))
    return organizations
