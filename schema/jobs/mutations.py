"""The mutation that cancels a job of any kind."""

import strawberry
import strawberry_django

from schema.context import Info
from schema.errors import Payload
from schema.jobs.types import Job
from schema.mutation import mutation
from schema.nodes import parse_node_id, single_row
from users.jobs import models
from users.jobs.services.cancel import cancel_job
from users.scopes import Scope


@strawberry.input
class CancelJobInput:
    """The job to cancel."""

    job_id: strawberry.ID = strawberry.field(description="`id` of the job.")


@strawberry.type
class CancelJobPayload(Payload):
    """The job after the mutation."""

    canceled: strawberry.Private[models.Job | None] = None

    @strawberry_django.field
    def job(self, info: Info) -> Job | None:
        """The job; null if the input was rejected."""
        if self.canceled is None:
            return None
        jobs = type(self.canceled).objects.visible_to(info.context.actor)
        return single_row(jobs, self.canceled.pk)


@strawberry.type
class JobsMutation:
    """Jobs of all kinds."""

    @mutation(scope=Scope.USERS_WRITE, reauthenticate=False)
    def cancel_job(self, info: Info, input: CancelJobInput) -> CancelJobPayload:
        """Cancel a job after the current step; what is done already is kept."""
        name, key = parse_node_id(input.job_id) or ("", None)
        return CancelJobPayload(canceled=cancel_job(name, key, actor=info.context.actor))
