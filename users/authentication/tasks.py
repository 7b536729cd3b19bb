"""Background work of authentication."""

from celery import shared_task

from core.db import delete_in_batches
from users.authentication.models import RefreshToken, Session


@shared_task(name="users.authentication.prune_sessions")
def prune_sessions() -> None:
    """Remove sessions and refresh tokens that have run out."""
    delete_in_batches(RefreshToken.objects.expired())
    delete_in_batches(Session.objects.expired())
