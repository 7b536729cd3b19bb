"""Hand-written responses: each type, for each client.

In documents and responses, `$alice` is Alice's id, `$now` the time at which the cast was created,
and so on; see `tests.schema.answers.cast`.
"""

from tests.schema.answers import (
    activity,
    api_tokens,
    bulk_actions,
    directory,
    factors,
    groups,
    invitations,
    jobs,
    nodes,
    organizations,
    people,
    sessions,
    settings,
    webhooks,
)
from tests.schema.answers.cases import Case

CASES: list[Case] = [
    *people.CASES,
    *nodes.CASES,
    *directory.CASES,
    *groups.CASES,
    *invitations.CASES,
    *organizations.CASES,
    *sessions.CASES,
    *api_tokens.CASES,
    *factors.CASES,
    *activity.CASES,
    *bulk_actions.CASES,
    *jobs.CASES,
    *settings.CASES,
    *webhooks.CASES,
]
