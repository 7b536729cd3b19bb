"""The kinds of jobs, which their apps register."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar
from uuid import UUID

from core.security.actor import Actor, Rule
from users.activity.models import Event
from users.activity.tags import Tag
from users.jobs.models import Job

JobT = TypeVar("JobT", bound=Job)


@dataclass(frozen=True, slots=True, kw_only=True)
class JobKind(Generic[JobT]):
    """How the jobs of a model are run; see `users.jobs.services.run`.

    ``name`` is the key under which events store the job's id. The subscriber of the ``topic`` gets
    the id as ``<name>_id``, and the number of the ``turn``.
    """

    model: type[JobT]
    name: str
    topic: str
    started: Tag
    canceled: Tag
    finished: Tag
    # The rules that the requester must meet before each page, besides `may_run_jobs`.
    rules: Callable[[JobT], Sequence[Rule]]
    # Processes the next page in steps, each with its cursor and its counts, and yields after each
    # whether the job is still running. No step means that there is nothing left to process.
    process_page: Callable[[JobT, Actor], Iterator[bool]]
    # Called before the first page of a resumed turn: counts what a killed worker did.
    catch_up: Callable[[JobT], object] | None = None

    def reference(self, job: JobT) -> dict[str, Any]:
        """Return what events store of a job."""
        return {self.name: job.pk}

    def job_id_of(self, event_id: str) -> UUID:
        """Return the id of the job of an event."""
        event = Event.objects.only("data").get(pk=event_id)
        return UUID(event.data[self.name])


_kinds: Final[dict[str, JobKind[Any]]] = {}


def register_kind(kind: JobKind[JobT]) -> JobKind[JobT]:
    """Register a kind of jobs under the name of its model."""
    _kinds[kind.model.__name__] = kind
    return kind


def job_kinds() -> dict[str, JobKind[Any]]:
    """Return all kinds by the name of their model."""
    return dict(_kinds)
