"""What the service answers, written by hand: each type, for everybody who may ask.

In questions and answers `$alice` is Alice's id, `$now` the moment at which the cast came to be, and
so on; see `tests.schema.answers.cast`.
"""

from tests.schema.answers import (
    activity,
    api_tokens,
    bulk_actions,
    directory,
    factors,
    groups,
    organizations,
    people,
    sessions,
)
from tests.schema.answers.cases import Case

CASES: list[Case] = [
    *people.CASES,
    *directory.CASES,
    *groups.CASES,
    *organizations.CASES,
    *sessions.CASES,
    *api_tokens.CASES,
    *factors.CASES,
    *activity.CASES,
    *bulk_actions.CASES,
]
