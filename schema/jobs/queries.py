"""Queries of jobs of all kinds."""

import strawberry

from schema.context import Info
from schema.jobs.connection import JobConnection
from schema.jobs.types import After, Before, First, Job, Last, page_arguments
from schema.nodes import NodeId, parse_node_id, single_row
from schema.query import query_field
from users.accounts.policy import require
from users.jobs.kinds import job_kinds
from users.jobs.policy import may_list_jobs
from users.scopes import Scope


@strawberry.type
class JobsQuery:
    """Jobs of all kinds."""

    @query_field(scope=Scope.USERS_WRITE)
    def job(self, info: Info, id: NodeId) -> Job | None:
        """Look up a job by `id`; null if none is visible to you."""
        name, key = parse_node_id(id) or ("", None)
        kind = job_kinds().get(name)
        if kind is None:
            return None
        return single_row(kind.model.objects.visible_to(info.context.actor), key)

    @query_field(scope=Scope.USERS_WRITE)
    def jobs(
        self,
        info: Info,
        before: Before = None,
        after: After = None,
        first: First = None,
        last: Last = None,
    ) -> JobConnection:
        """Jobs of all kinds, newest first: all for administrators, your own for others."""
        actor = info.context.actor
        require(actor, may_list_jobs)
        return JobConnection.of(page_arguments(first, after, last, before), actor)
