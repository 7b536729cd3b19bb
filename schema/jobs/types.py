"""The interface of jobs, of their errors, and connections of both."""

import datetime as dt
from typing import Annotated, Any, Final, TypeAlias
from uuid import UUID

import strawberry
import strawberry_django
from strawberry import relay

from engine.relay.connection import KeysetPageInfo
from engine.relay.page_arguments import ARGUMENTS, PageArguments
from engine.relay.total_count import TotalCount
from schema.accounts.types.users import User
from schema.context import Info
from schema.enums import describe_enum
from schema.error_codes import ErrorCode
from users.jobs import models
from users.jobs.states import JobState


def _argument(name: str) -> object:
    return strawberry.argument(description=ARGUMENTS[name])


# The arguments of a connection.
First: TypeAlias = Annotated[int | None, _argument("first")]
After: TypeAlias = Annotated[str | None, _argument("after")]
Last: TypeAlias = Annotated[int | None, _argument("last")]
Before: TypeAlias = Annotated[str | None, _argument("before")]


def page_arguments(
    first: int | None, after: str | None, last: int | None, before: str | None
) -> PageArguments:
    """Check the arguments of a connection. Raises `PageArgumentsError`."""
    return PageArguments.of({"first": first, "after": after, "last": last, "before": before})


describe_enum(
    JobState,
    {
        JobState.PENDING: "Waiting for a worker.",
        JobState.RUNNING: "A worker is processing it.",
        JobState.COMPLETED: "Everything was processed.",
        JobState.CANCELED: "Cancelled by an administrator.",
        JobState.STOPPED: "The requester or the API token lost the right to do this.",
        JobState.FAILED: "It could not be carried out; see `failureReason`. What was done before "
        "stays done. Start a new job.",
    },
)
# What the computed fields read.
PROGRESS: Final[dict[str, Any]] = {
    "only": ["state", "total", "done", "unchanged", "failed", "started_at", "finished_at"]
}


@strawberry.interface
class JobError:
    """An item that a job could not process."""

    code: ErrorCode = strawberry_django.field(description="Reason.")


@strawberry.interface
class JobErrorConnection:
    """A page of a job's errors, in the order of processing."""

    nodes: list[JobError] = strawberry.field(
        description="The items alone, for when no cursor is needed."
    )
    page_info: KeysetPageInfo = strawberry.field(description="Where this page stands.")
    total_count: TotalCount = strawberry.field(
        description="How many items there are; counted only if it is selected."
    )


@strawberry.type
class NoJobErrors(JobErrorConnection):
    """The errors of a job that cannot have any."""

    nodes: list[JobError] = strawberry.field(
        default_factory=list, description="The items alone, for when no cursor is needed."
    )
    page_info: KeysetPageInfo = strawberry.field(
        default_factory=lambda: KeysetPageInfo(
            has_next_page=False, has_previous_page=False, scope="", first=None, last=None
        ),
        description="Where this page stands.",
    )
    total_count: TotalCount = strawberry.field(
        default_factory=lambda: TotalCount(value=0, is_exact=True),
        description="How many items there are; counted only if it is selected.",
    )


@strawberry.interface
class Job(relay.Node):
    """Work in the background: a bulk action, an export or an import of users.

    Visible to administrators, and to the user who requested it.
    """

    id: relay.NodeID[UUID]
    state: JobState = strawberry_django.field(description="Current state.")
    requester: User | None = strawberry_django.field(
        description="Administrator who started it; null if not visible to you."
    )
    done: int = strawberry_django.field(description="Number of items processed with an effect.")
    unchanged: int = strawberry_django.field(
        description="Number of items that needed no processing."
    )
    failed: int = strawberry_django.field(
        description="Number of items that could not be processed; see `errors`."
    )
    created_at: dt.datetime = strawberry_django.field(description="When it was requested.")
    started_at: dt.datetime | None = strawberry_django.field(
        description="When a worker began to process it; null before."
    )
    finished_at: dt.datetime | None = strawberry_django.field(
        description="When it ended; null before."
    )

    @strawberry_django.field(only=["failure"])
    def failure_reason(self: models.Job) -> str | None:
        """Why it failed, in the operators' words; null unless `state` is `FAILED`."""
        return self.failure or None

    @strawberry_django.field(only=["total"])
    def total(self: models.Job) -> int:
        """Number of items to process; 0 if it is not known."""
        return self.total or 0

    @strawberry_django.field(**PROGRESS)
    def progress(self: models.Job) -> float | None:
        """Processed part of `total`, from 0 to 1; null if that is not known."""
        return self.progress

    @strawberry_django.field(**PROGRESS)
    def rate(self: models.Job) -> float | None:
        """Items per second since `startedAt`, until `finishedAt`; null before the start."""
        return self.rate

    @strawberry_django.field(**PROGRESS)
    def estimated_end(self: models.Job) -> dt.datetime | None:
        """When it will end at this rate.

        Null unless it is running and `progress` is known.
        """
        return self.estimated_end

    @strawberry_django.field
    def errors(
        self,
        before: Before = None,
        after: After = None,
        first: First = None,
        last: Last = None,
    ) -> JobErrorConnection:
        """Items that could not be processed, in their order; none of exports."""
        page_arguments(first, after, last, before)
        return NoJobErrors()

    @classmethod
    def get_queryset(cls, queryset: models.JobQuerySet, info: Info) -> models.JobQuerySet:
        """Restrict every access path to visible jobs."""
        return queryset.visible_to(info.context.actor)
