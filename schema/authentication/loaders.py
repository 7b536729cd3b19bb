"""Facts about people's sessions, a page at a time."""

from collections.abc import Sequence
from uuid import UUID

from django.db.models import Count

from core.actor import Actor
from schema.context import Batch
from users.accounts.models import User
from users.authentication.models import Session


def _active_session_counts(actor: Actor, user_ids: Sequence[UUID]) -> list[int]:
    sessions = Session.objects.visible_to(actor).active().filter(user_id__in=user_ids)
    counts = dict(sessions.values_list("user_id").annotate(Count("pk")))
    return [counts.get(user_id, 0) for user_id in user_ids]


active_session_counts = Batch(User, ("pk",), _active_session_counts)
