"""A transaction whose writes wait for COMMIT, and what others see of it."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import QuerySet

from core.database.rows import PreparedQuery, insert, update
from core.database.transactions import pipelined
from tests.support.factories import make_user
from users.accounts.models import Profile, User
from users.activity.models import Event, EventDetails
from users.activity.tags import Tag


@PreparedQuery
def user_for_update(user_id: Any) -> QuerySet[User]:
    return User.objects.select_for_update().filter(pk=user_id)


@PreparedQuery
def profile_of(user_id: Any) -> QuerySet[Profile]:
    return Profile.objects.filter(pk=user_id)


def prepared_profile() -> Profile:
    """Create a profile, on a connection that has prepared the statements of `write`."""
    profile = Profile.objects.get(user=make_user("alice"))
    write(profile, "")
    return profile


def new_event() -> Event:
    return Event(tag=Tag.PROFILE_CHANGED)


def new_details(event_id: UUID) -> EventDetails:
    return EventDetails(event_id=event_id, salt=b"", values={})


def write(profile: Profile, bio: str) -> None:
    """Change a profile, as a service does."""
    with pipelined():
        user_for_update.get(profile.pk)
        found = profile_of.get(profile.pk)
        found.bio = bio
        update(found, ["bio"])
        event = new_event()
        insert(event)
        insert(new_details(event.pk))


def written() -> tuple[str, int, int]:
    """Return what other connections see: the biography, and the numbers of events and details."""
    with ThreadPoolExecutor(1) as other:

        def read() -> tuple[str, int, int]:
            try:
                bio = Profile.objects.get().bio
                return bio, Event.objects.count(), EventDetails.objects.count()
            finally:
                connection.close()

        return other.submit(read).result()


# After `prepared_profile`.
UNCHANGED = ("", 1, 1)
