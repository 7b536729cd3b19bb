"""The connection of jobs of all kinds, merged by their ids."""

from collections.abc import Sequence
from typing import Any, Final, Self

import strawberry
import strawberry_django
from django.db.models import Model, QuerySet

from core.security.actor import Actor
from engine.relay.connection import KeysetPageInfo
from engine.relay.cursors import seal_position
from engine.relay.page_arguments import PageArguments
from engine.relay.plural import Plural, RowKey
from engine.relay.total_count import TotalCount
from schema.context import Info
from schema.jobs.types import Job
from users.jobs.kinds import job_kinds

# Of cursors.
SCOPE: Final = "JobConnection"


def _rows(model: type[Model], _info: Info) -> QuerySet[Any]:
    """Return the rows among which jobs are looked up; the type's `get_queryset` restricts them."""
    return model._default_manager.all()


def _visible_jobs(actor: Actor) -> list[QuerySet[Any]]:
    """Return the jobs of each kind, newest first: ids are UUIDv7."""
    return [
        kind.model.objects.visible_to(actor).order_by("-id").only("pk")
        for kind in job_kinds().values()
    ]


@strawberry.type
class JobEdge:
    """One item of a page, and where it stands."""

    key: strawberry.Private[RowKey]

    @strawberry_django.field(extensions=[Plural(_rows)])
    def node(self) -> Job:
        """The item."""
        return self.key  # `Plural` reads the row

    @strawberry.field
    def cursor(self) -> str:
        """An opaque position, valid in this connection only."""
        return seal_position(SCOPE, _position(self.key))


@strawberry.type
class JobConnection:
    """A page of jobs of all kinds, newest first."""

    keys: strawberry.Private[Sequence[RowKey]]
    page_info: KeysetPageInfo = strawberry.field(description="Where this page stands.")

    @strawberry_django.field(extensions=[Plural(_rows)])
    def nodes(self) -> list[Job]:
        """The items alone, for when no cursor is needed."""
        return list(self.keys)  # type: ignore[arg-type]  # `Plural` reads the rows

    @strawberry.field
    def edges(self) -> list[JobEdge]:
        """The items with their positions."""
        return [JobEdge(key=key) for key in self.keys]

    @strawberry.field
    def total_count(self, info: Info) -> TotalCount:
        """How many items there are; counted only if it is selected."""
        counts = [TotalCount.of(jobs) for jobs in _visible_jobs(info.context.actor)]
        return TotalCount(
            value=sum(each.value for each in counts), is_exact=all(each.is_exact for each in counts)
        )

    @classmethod
    def of(cls, arguments: PageArguments, actor: Actor) -> Self:
        """Read the keys of a page by a statement for each kind.

        Raises `InvalidCursorError`.
        """
        window = arguments.window(SCOPE)
        pages = [(jobs.model, window.page(jobs)) for jobs in _visible_jobs(actor)]
        found = [RowKey(model, job.pk) for model, page in pages for job in page.rows]
        found.sort(key=lambda row: row.key, reverse=True)
        size = window.size
        keys = found[-size:] if window.backwards else found[:size]
        more = len(found) > size or any(page.more for _model, page in pages)
        positions = [_position(key) for key in keys]
        return cls(keys=keys, page_info=KeysetPageInfo.of(arguments, SCOPE, positions, more=more))


def _position(row: RowKey) -> Sequence[str]:
    return [str(row.key)]
