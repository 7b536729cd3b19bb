"""Batch loaders for counts of sessions and recovery codes."""

from collections.abc import Sequence
from uuid import UUID

from django.db.models import Count

from core.security.actor import Actor
from engine.fields.loaders import Batch
from users.accounts.models import User
from users.authentication.models import RecoveryCode, Session


def _active_session_counts(actor: Actor, user_ids: Sequence[UUID]) -> list[int]:
    sessions = Session.objects.visible_to(actor).active().filter(user_id__in=user_ids)
    counts = dict(sessions.values_list("user_id").annotate(Count("pk")))
    return [counts.get(user_id, 0) for user_id in user_ids]


def _recovery_codes_left(_actor: Actor, user_ids: Sequence[UUID]) -> list[int]:
    unused = RecoveryCode.objects.unused().filter(user_id__in=user_ids)
    counts = dict(unused.values_list("user_id").annotate(Count("pk")))
    return [counts.get(user_id, 0) for user_id in user_ids]


recovery_codes_left = Batch(User, ("pk",), _recovery_codes_left)
active_session_counts = Batch(User, ("pk",), _active_session_counts)
